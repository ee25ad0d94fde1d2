/** DuckDB, loaded when it is first needed, and databases that are open only while they are used. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { asSluiceError, SluiceError } from '../../errors.ts';

export interface Attached {
  file: string;
  /** What statements call the database. */
  as: string;
  readOnly: boolean;
}

export interface SessionSettings {
  /** Where DuckDB puts what does not fit into memory; absent: it fails instead. */
  spillDirectory?: string;
  memoryMb?: number;
  /** How long to wait for a file that another process uses. */
  waitMs?: number;
  /** Called once when it takes longer to get at a file. */
  onWait?(file: string): void;
}

const MEMORY_MB = 512;
/** Each needs buffers of its own. */
const THREADS = Math.min(4, availableParallelism());
const WAIT_MS = 60_000;
const TELL_MS = 3000;
const MAX_DELAY_MS = 100;
const LOCKED = /Could not set lock on file|Conflicting lock/;

/** Locks keep processes apart, not the parts of one: those take turns here. */
const turns = new Map<string, Promise<void>>();

/**
 * Opens a database in memory with these files attached, and closes everything when `work` is done: a file is locked
 * for other processes only so long. Files that are not there are made, unless they are only read.
 * @throws SluiceError LIBRARY_MISSING, WAREHOUSE_BUSY
 */
export async function withDatabases<T>(
  attached: readonly Attached[],
  settings: SessionSettings,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const releases: (() => void)[] = [];
  try {
    for (const { file } of attached.toSorted((a, b) => (a.file < b.file ? -1 : 1)))
      releases.push(await takeTurn(file));
    return await openAttached(attached, settings, work);
  } finally {
    for (const release of releases) release();
  }
}

/** Text as a literal of SQL. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A name as an identifier of SQL. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function openAttached<T>(
  attached: readonly Attached[],
  settings: SessionSettings,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await load();
  const { spillDirectory } = settings;
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${settings.memoryMb ?? MEMORY_MB}MB`,
    threads: String(THREADS),
    temp_directory: spillDirectory ?? '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    try {
      await connection.run("SET TimeZone = 'UTC'");
      for (const each of attached) await attach(connection, each, settings);
      const result = await work(connection);
      // Writes what is in the log into the file, and gives the file free.
      for (const { as } of attached) await connection.run(`DETACH ${identifier(as)}`);
      return result;
    } finally {
      connection.closeSync();
    }
  } catch (error) {
    throw fromDuckDb(error);
  } finally {
    instance.closeSync();
  }
}

async function load(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    throw new SluiceError(
      'LIBRARY_MISSING',
      `tables are kept by DuckDB, which is not installed for ${process.platform}-${process.arch}: run npm install @duckdb/node-api`,
      { cause: error },
    );
  }
}

async function attach(
  connection: DuckDBConnection,
  { file, as, readOnly }: Attached,
  { waitMs = WAIT_MS, onWait }: SessionSettings,
): Promise<void> {
  if (!readOnly) await mkdir(dirname(file), { recursive: true });
  const statement = `ATTACH ${literal(file)} AS ${identifier(as)} (TYPE duckdb${readOnly ? ', READ_ONLY' : ''})`;
  const started = Date.now();
  let told = false;
  for (let delay = 4; ; delay = Math.min(delay * 2, MAX_DELAY_MS)) {
    try {
      await connection.run(statement);
      return;
    } catch (error) {
      if (!(error instanceof Error && LOCKED.test(error.message))) throw error;
      const waited = Date.now() - started;
      if (waited > waitMs)
        throw new SluiceError(
          'WAREHOUSE_BUSY',
          `${file} has been in use by another process for ${Math.round(waited / 1000)} s`,
          {
            cause: error,
          },
        );
      if (waited > TELL_MS && !told) {
        told = true;
        onWait?.(file);
      }
      // Not in step with the others who wait.
      await sleep(delay * (0.5 + Math.random()));
    }
  }
}

/** Waits until nothing else in this process uses the file; gives what ends the turn. */
async function takeTurn(file: string): Promise<() => void> {
  const before = turns.get(file) ?? Promise.resolve();
  let release = () => {};
  const mine = new Promise<void>(resolve => (release = resolve));
  const all = before.then(() => mine);
  turns.set(file, all);
  await before;
  return () => {
    release();
    if (turns.get(file) === all) turns.delete(file);
  };
}

const DISK_FULL = /No space left on device|max_temp_directory_size/;

function fromDuckDb(error: unknown): SluiceError {
  if (error instanceof Error && DISK_FULL.test(error.message))
    return new SluiceError('DISK_FULL', `disk full: ${error.message.split('\n')[0]}`, { cause: error });
  if (error instanceof Error && /^Out of Memory Error/.test(error.message))
    return new SluiceError('WAREHOUSE_MEMORY', error.message.split('\n')[0] ?? '', { cause: error });
  return asSluiceError(error);
}

/** True when the dataset has ever been written to. */
export const databaseExists = (file: string): boolean => existsSync(file);
