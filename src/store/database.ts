/** The database below `SLUICE_HOME`: opened, and brought to the schema of this version, step by step. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Config } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';

const BUSY_MS = 10_000;

/** Each step is run once, in a transaction; a released one is never changed, only followed by another. */
const migrations: readonly string[] = [
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     project TEXT NOT NULL,
     location TEXT NOT NULL,
     state TEXT NOT NULL,
     owner TEXT NOT NULL,
     -- 1 while no other active job of the project and location may have its name
     holds_name INTEGER NOT NULL,
     -- 0: active, 1: ended; with sorted_at the order of listings
     ended INTEGER NOT NULL,
     sorted_at TEXT NOT NULL,
     -- of a replay: the job whose letters it takes, and which of its replays it is
     replay_root TEXT,
     replay_number INTEGER,
     record TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX jobs_name ON jobs (project, location, name) WHERE holds_name = 1;
   CREATE UNIQUE INDEX jobs_replay ON jobs (replay_root, replay_number) WHERE replay_root IS NOT NULL;
   CREATE INDEX jobs_order ON jobs (ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_project ON jobs (project, ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_location ON jobs (project, location, ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_name ON jobs (project, name, ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_template ON jobs (record ->> '$.templateId', ended, sorted_at DESC, id DESC);
   -- ended jobs of which more than the record is left
   CREATE INDEX jobs_left ON jobs (sorted_at, id) WHERE ended = 1 AND record ->> '$.removedTime' IS NULL;
   CREATE TABLE messages (
     -- never used again, since clients go on after the last one they have
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     job TEXT NOT NULL,
     -- ms since the epoch
     time INTEGER NOT NULL,
     severity TEXT NOT NULL,
     text TEXT NOT NULL,
     stage TEXT,
     -- where it was read, so that reading it again adds nothing
     origin TEXT,
     UNIQUE (job, origin)
   ) STRICT;
   CREATE INDEX messages_by_job ON messages (job, time, id);
   CREATE TABLE progress (
     job TEXT PRIMARY KEY,
     time INTEGER NOT NULL,
     progress TEXT NOT NULL
   ) STRICT;
   CREATE TABLE tokens (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     role TEXT NOT NULL,
     hash BLOB NOT NULL UNIQUE,
     created INTEGER NOT NULL,
     last_used INTEGER
   ) STRICT;
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY,
     time INTEGER NOT NULL,
     who TEXT NOT NULL,
     action TEXT NOT NULL,
     subject TEXT NOT NULL,
     details TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_subject ON audit (subject, id);`,
  `CREATE TABLE sessions (
     hash BLOB PRIMARY KEY,
     token TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
     -- ms since the epoch
     expires INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE history (
     job TEXT NOT NULL,
     -- ms since the epoch
     time INTEGER NOT NULL,
     sample TEXT NOT NULL,
     PRIMARY KEY (job, time)
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * Opens the database, which several processes may share.
 * @param steps those of this version; tests have others
 * @throws SluiceError STORE_UNUSABLE, DISK_FULL
 */
export function openDatabase({ home }: Pick<Config, 'home'>, steps = migrations): DatabaseSync {
  const path = join(home, 'sluice.db');
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(path, { timeout: BUSY_MS });
    try {
      chmodSync(path, 0o600);
      prepare(database, path, steps);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    const isKnown = error instanceof SluiceError || resultOf(error) !== undefined;
    const isFull = systemCode(error) === 'ENOSPC';
    throw isKnown || isFull ? storeError(error, path) : unusable(path, error);
  }
}

/**
 * Runs `work` in one transaction: all of it is kept, or nothing. Within another transaction it is a part of that one.
 * @throws SluiceError STORE_UNUSABLE, DISK_FULL
 */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  if (database.isTransaction) return work();
  try {
    database.exec('BEGIN IMMEDIATE');
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk may have ended it already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw storeError(error, database.location() ?? 'the store');
  }
}

/** True for the error of a row that another one, which must be the only one of its kind, is in the way of. */
export const isTaken = (error: unknown): boolean => resultOf(error) === SQLITE_CONSTRAINT_UNIQUE;

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT_UNIQUE = 2067;
/** What there is besides SQLITE_FULL when the index of the log cannot grow. */
const SQLITE_IOERR_SHMSIZE = 4874;

function storeError(error: unknown, path: string): unknown {
  const result = resultOf(error);
  if (result === undefined) return error;
  if (result === SQLITE_FULL || result === SQLITE_IOERR_SHMSIZE)
    return new SluiceError('DISK_FULL', `disk full: ${path} cannot grow`, { cause: error });
  return unusable(path, error, result === SQLITE_BUSY ? 'another process keeps it locked' : undefined);
}

const unusable = (path: string, cause: unknown, why = (cause as Error).message): SluiceError =>
  new SluiceError('STORE_UNUSABLE', `${path} cannot be used: ${why}`, { cause });

/** SQLite's extended result code, where the error is one of SQLite. */
function resultOf(error: unknown): number | undefined {
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number') return error.errcode;
  return undefined;
}

function prepare(database: DatabaseSync, path: string, steps: readonly string[]): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  const versionOf = () => Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (versionOf() === steps.length) return;
  transaction(database, () => {
    // Another process may have been faster.
    const version = versionOf();
    if (version > steps.length)
      throw new SluiceError(
        'STORE_UNUSABLE',
        `${path} was written by a newer version of Sluice: use that one`,
      );
    for (const step of steps.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${steps.length}`);
  });
}
