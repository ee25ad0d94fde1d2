/** Objects by their paths, `gs://bucket/name` and `s3://bucket/name`, with retries and errors that name them. */
import { Readable } from 'node:stream';
import type { Config } from '../../config.ts';
import { answered, failureOf } from './failure.ts';
import { locate } from './locate.ts';
import { ATTEMPTS_AT_OPENING, retrying, statusOf, verdictOf } from './retry.ts';
import type { PutOptions, StoredObject } from './store.ts';

/** An object that was found. */
export interface FoundObject extends Omit<StoredObject, 'name'> {
  path: string;
}

/** All objects whose paths begin so, page by page. @throws SluiceError as `checkBucket` */
export async function* objectsBelow(prefix: string, config: Config): AsyncGenerator<FoundObject[]> {
  const { store, bucket, name } = await locate(prefix, config);
  const root = `${prefix.slice(0, prefix.length - name.length).replace(/\/$/, '')}/`;
  const pages = store.list(bucket, name)[Symbol.asyncIterator]();
  for (;;) {
    const page = await answered(prefix, () => pages.next());
    if (page.done) return;
    yield page.value.map(({ name: found, ...rest }) => ({ path: root + found, ...rest }));
  }
}

/**
 * Refuses a bucket that is not there, that nobody answers for, or that we may not list.
 * @throws SluiceError INPUT_NOT_FOUND, SERVICE_UNREACHABLE, AUTHENTICATION_FAILED
 */
export async function checkBucket(path: string, config: Config): Promise<void> {
  const { store, bucket } = await locate(path, config);
  await answered(path, () => store.check(bucket), { attempts: ATTEMPTS_AT_OPENING });
}

/** What is known of an object; undefined where there is none. */
export async function statObject(path: string, config: Config): Promise<FoundObject | undefined> {
  const { store, bucket, name } = await locate(path, config);
  const found = await answered(path, () => store.stat(bucket, name));
  return found && { path, size: found.size, version: found.version, modifiedMs: found.modifiedMs };
}

/** The mark that an object was put with; undefined where there is no object, or no mark. */
export async function markOf(path: string, config: Config): Promise<string | undefined> {
  const { store, bucket, name } = await locate(path, config);
  return answered(path, () => store.markOf(bucket, name));
}

/**
 * Puts an object, seen only once it is whole; `body` is asked for its bytes at each attempt. Gives `taken` when there
 * is another object than the one it may replace. What the bytes themselves fail with is thrown as it is.
 * @throws SluiceError
 */
export async function putObject(
  path: string,
  body: () => AsyncIterable<Buffer>,
  options: PutOptions,
  config: Config,
): Promise<'put' | 'taken'> {
  const { store, bucket, name } = await locate(path, config);
  let fault: { error: unknown } | undefined;
  const guarded = async function* () {
    try {
      yield* body();
    } catch (error) {
      fault = { error };
      throw error;
    }
  };
  const put = () => store.put(bucket, name, Readable.from(guarded(), { objectMode: false }), options);
  try {
    await retrying(put, {
      verdict(error) {
        if (fault) return 'final';
        // An upload whose session is gone is not found: it begins anew.
        return statusOf(error) === 404 ? 'retry' : verdictOf(error);
      },
    });
    return 'put';
  } catch (error) {
    if (fault) throw fault.error;
    if (verdictOf(error) === 'changed' && options.over !== undefined) return 'taken';
    throw failureOf(error, path, 'write');
  }
}

export async function deleteObject(path: string, config: Config): Promise<void> {
  const { store, bucket, name } = await locate(path, config);
  await answered(path, () => store.delete(bucket, name));
}
