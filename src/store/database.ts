/** The database below `SLUICE_HOME`: opened, and brought to the schema of this version, step by step. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';

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
     record TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX jobs_name ON jobs (project, location, name) WHERE holds_name = 1;
   CREATE INDEX jobs_order ON jobs (ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_project ON jobs (project, ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_location ON jobs (project, location, ended, sorted_at DESC, id DESC);
   CREATE INDEX jobs_by_name ON jobs (project, name, ended, sorted_at DESC, id DESC);
   CREATE TABLE messages (
     id INTEGER PRIMARY KEY,
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
];

/** Opens the database, which several processes may share. @throws SluiceError STORE_UNUSABLE */
export function openDatabase({ home }: Pick<Config, 'home'>): DatabaseSync {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, 'sluice.db');
  try {
    const database = new DatabaseSync(path, { timeout: BUSY_MS });
    chmodSync(path, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    migrate(database, path);
    return database;
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw new SluiceError('STORE_UNUSABLE', `${path} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Runs `work` in one transaction: all of it is kept, or nothing. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const versionOf = () => Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (versionOf() === migrations.length) return;
  transaction(database, () => {
    // Another process may have been faster.
    const version = versionOf();
    if (version > migrations.length)
      throw new SluiceError(
        'STORE_UNUSABLE',
        `${path} was written by a newer version of Sluice: use that one`,
      );
    for (const step of migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}
