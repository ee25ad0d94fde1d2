/** Reads objects as streams of bytes that go on where they broke off. */
import type { Readable } from 'node:stream';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { answered } from './failure.ts';
import { locate } from './locate.ts';
import type { FoundObject } from './objects.ts';
import { statusOf } from './retry.ts';

/** A version of an object, to be read. */
export type ObjectVersion = Pick<FoundObject, 'path' | 'size' | 'version'>;

/** No byte has come for so long: the connection may be gone without a word. */
const SILENCE_MS = 60_000;

/**
 * The bytes of `[start, end)` of a version. A body that breaks off is asked for again from there; `signal` ends the wait.
 * @throws SluiceError INPUT_UNREADABLE where the object has been replaced, and whatever else keeps it from being read
 */
export async function* readObject(
  { path, size, version }: ObjectVersion,
  config: Config,
  { start = 0, end = size, signal }: { start?: number; end?: number; signal?: AbortSignal } = {},
): AsyncGenerator<Buffer> {
  const { store, bucket, name } = await locate(path, config);
  let at = start;
  let body: { stream: Readable; chunks: AsyncIterator<Buffer> } | undefined;
  const drop = () => {
    body?.stream.destroy();
    body = undefined;
  };
  const next = async () => {
    body ??= opened(await unlessStopped(store.read(bucket, name, version, at, end), path, signal));
    const { value, done } = await nextOf(body.stream, body.chunks);
    if (done) throw Object.assign(new Error(`the body ended at ${at} of ${end}`), { code: 'ECONNRESET' });
    return value.subarray(0, end - at);
  };
  signal?.addEventListener('abort', drop);
  try {
    while (at < end) {
      const chunk = await answered(path, next, { between: drop, ...(signal && { signal }) }).catch(error => {
        throw statusOf(error.cause) === 404 ? gone(path, error) : error;
      });
      at += chunk.length;
      yield chunk;
    }
  } finally {
    signal?.removeEventListener('abort', drop);
    drop();
  }
}

/** What is waited for no longer is thrown away when it comes. */
async function unlessStopped(
  reading: Promise<Readable>,
  path: string,
  signal?: AbortSignal,
): Promise<Readable> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(new SluiceError('INPUT_UNREADABLE', `${path} is no longer read`));
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  try {
    return await Promise.race([reading, stopped.promise]);
  } catch (error) {
    reading.then(
      stream => stream.destroy(),
      () => {},
    );
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function opened(stream: Readable): { stream: Readable; chunks: AsyncIterator<Buffer> } {
  // One that was given up may still fail.
  stream.on('error', () => {});
  return { stream, chunks: stream[Symbol.asyncIterator]() };
}

async function nextOf(stream: Readable, chunks: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
  const silent = Object.assign(new Error(`nothing came for ${SILENCE_MS / 1000} s`), { code: 'ETIMEDOUT' });
  const timer = setTimeout(() => stream.destroy(silent), SILENCE_MS);
  try {
    return await chunks.next();
  } finally {
    clearTimeout(timer);
  }
}

const gone = (path: string, cause: unknown): SluiceError =>
  new SluiceError('INPUT_UNREADABLE', `${path} has been replaced or removed since it was found`, { cause });

/** The whole text of an object, whose size has been judged before. @throws SluiceError as `readObject` */
export async function readText(object: ObjectVersion, config: Config): Promise<string> {
  return Buffer.concat(await Array.fromAsync(readObject(object, config))).toString();
}
