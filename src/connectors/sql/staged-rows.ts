/** Rows of queries, each copied to a file of the job before it is read: there they have an order to go on in. */
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { Json, Source, StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { type Lines, readLines } from '../../formats/read-lines.ts';
import { connectTo, type Database, nameFailure } from './database.ts';
import { retrying, verdictOf } from './retry.ts';

interface Position {
  queries: string[];
  /** Which of them is read, or is next. */
  query: number;
  offset: number;
  /** Length of the file, once all of the result is in it. */
  size?: number;
}

/** @param findQueries asked once in the life of the job, when it begins */
export async function stagedRows(
  database: Database,
  findQueries: () => Promise<string[]>,
  context: StageContext,
): Promise<Source> {
  const restored = context.restored as unknown as Position | undefined;
  const queries = restored?.queries ?? (await findQueries());
  const folder = await makeStageFolder(context);
  const pathOf = (query: number) => join(folder, `${query}.ndjson`);
  let query = restored?.query ?? 0;
  let size = restored?.size;
  if (size !== undefined) await requireSize(pathOf(query), size);
  await removeExcept(folder, size === undefined ? undefined : pathOf(query));
  let reader: Lines | undefined =
    size === undefined ? undefined : await readLines(pathOf(query), restored?.offset ?? 0, size);
  let staging: Promise<number> | undefined;
  const done: string[] = [];
  let forgettable = 0;

  /** False when it was interrupted. */
  const openNext = async (signal: AbortSignal): Promise<boolean> => {
    const path = pathOf(query);
    staging ??= stage(database, queries[query] ?? '', path, folder, context);
    staging.catch(() => {});
    const found = await Promise.race([staging, interrupted(signal)]);
    if (found === undefined) return false;
    staging = undefined;
    size = found;
    reader = await readLines(path, 0, found);
    return true;
  };

  return {
    async read(signal) {
      while (query < queries.length) {
        if (!reader && !(await openNext(signal))) return 'idle';
        const batch = await reader?.next();
        if (batch) return batch;
        await reader?.close();
        done.push(pathOf(query));
        reader = undefined;
        size = undefined;
        query++;
      }
      return 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot(): Json {
      forgettable = done.length;
      return { queries, query, offset: reader?.offset ?? 0, ...(size !== undefined && { size }) };
    },
    async acknowledge() {
      for (const path of done.splice(0, forgettable)) await rm(path, { force: true });
      forgettable = 0;
    },
    async close(ended) {
      await reader?.close();
      if (ended) await rm(folder, { recursive: true, force: true });
    },
  };
}

function interrupted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}

/** The result in a file that a crash of the machine leaves whole; gives its length. Nothing of it was read before. */
async function stage(
  database: Database,
  query: string,
  path: string,
  folder: string,
  context: StageContext,
): Promise<number> {
  const copy = async () => {
    const connection = await connectTo(database, true);
    const file = await open(path, 'w', 0o600);
    try {
      await connection.query('START TRANSACTION READ ONLY');
      await connection.exportLines(query, bytes => writeWhole(file, bytes));
      await file.sync();
      await syncDirectory(folder);
      return (await file.stat()).size;
    } finally {
      await file.close();
      await connection.close();
    }
  };
  try {
    return await retrying(copy, undefined, error =>
      context.report('WARNING', `${nameFailure(database.address, error).message}; the query starts again`),
    );
  } catch (error) {
    // What the disk says is no word of the database.
    throw error instanceof Error && 'syscall' in error && verdictOf(error) === 'final'
      ? error
      : nameFailure(database.address, error);
  }
}

async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  let at = 0;
  while (at < bytes.length) at += (await file.write(bytes, at)).bytesWritten;
}

async function removeExcept(folder: string, kept: string | undefined): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path !== kept) await rm(path, { recursive: true, force: true });
  }
}

async function requireSize(path: string, size: number): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size === size || size === 0) return;
  throw new SluiceError(
    'CHECKPOINT_UNUSABLE',
    `${path} no longer holds the ${size} bytes the checkpoint knows of`,
  );
}
