/**
 * The durable part of the service, in one SQLite file: topics, subscriptions, and for every subscription a table
 * of the messages that wait for its acknowledgement. A message lies once per subscription, so that acknowledging
 * is deleting. The file is locked for as long as it is open: two services never share a folder.
 */
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export interface StoredMessage {
  id: number;
  publishedMs: number;
  /** Ordering key, or empty. */
  key: string;
  body: Uint8Array;
}

export interface StoredSubscription {
  /** Names its table; never used again after it is deleted. */
  number: number;
  name: string;
  topic: string;
  /** The google.pubsub.v1.Subscription, as JSON. */
  settings: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, settings TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS subscriptions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, settings TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS last_message (only INTEGER PRIMARY KEY CHECK (only = 1), id INTEGER NOT NULL) STRICT;
  INSERT OR IGNORE INTO last_message VALUES (1, 0);
`;

export class Store {
  readonly #database: DatabaseSync;
  readonly #setLastId: StatementSync;
  #lastId: number;
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] | undefined;

  /** Opens the store of this folder, which must be there; throws SQLite's error (see `isLocked`) when another process has it open. */
  constructor(directory: string) {
    this.#database = new DatabaseSync(join(directory, 'messages.sqlite'));
    this.#database.exec('PRAGMA locking_mode = EXCLUSIVE');
    this.#database.exec('PRAGMA auto_vacuum = INCREMENTAL');
    this.#database.exec('PRAGMA journal_mode = WAL');
    this.#database.exec('PRAGMA synchronous = FULL');
    this.#database.exec(SCHEMA);
    const row = this.#database.prepare('SELECT id FROM last_message').get();
    this.#lastId = Number(row?.id ?? 0);
    this.#setLastId = this.#database.prepare('UPDATE last_message SET id = ?');
  }

  /**
   * Runs `work` and resolves when it is on the disk. What arrives in the same turn of the event loop shares one
   * transaction, and fails together. `work` must check before it changes anything.
   */
  write(work: () => void): Promise<void> {
    if (!this.#waiting) {
      this.#database.exec('BEGIN');
      this.#waiting = [];
      setImmediate(() => this.#commit());
    }
    const waiting = this.#waiting;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.push({ resolve, reject });
    try {
      work();
    } catch (error) {
      this.#giveUp(error);
    }
    return promise;
  }

  #commit(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    try {
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    this.#waiting = undefined;
    for (const { resolve } of waiting) resolve();
  }

  #giveUp(error: unknown): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    for (const { reject } of waiting) reject(error);
  }

  topics(): { name: string; settings: string }[] {
    const rows = this.#database.prepare('SELECT name, settings FROM topics ORDER BY name').all();
    return rows.map(row => ({ name: String(row.name), settings: String(row.settings) }));
  }

  saveTopic(name: string, settings: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO topics VALUES (?, ?)').run(name, settings);
  }

  deleteTopic(name: string): void {
    this.#database.prepare('DELETE FROM topics WHERE name = ?').run(name);
  }

  subscriptions(): StoredSubscription[] {
    const rows = this.#database
      .prepare('SELECT number, name, topic, settings FROM subscriptions ORDER BY name')
      .all();
    return rows.map(row => ({
      number: Number(row.number),
      name: String(row.name),
      topic: String(row.topic),
      settings: String(row.settings),
    }));
  }

  /** Gives the number of the new subscription, with an empty table. */
  addSubscription(name: string, topic: string, settings: string): number {
    const sql = 'INSERT INTO subscriptions (name, topic, settings) VALUES (?, ?, ?)';
    const number = Number(this.#database.prepare(sql).run(name, topic, settings).lastInsertRowid);
    this.#database.exec(
      `CREATE TABLE messages_${number} (
         id INTEGER PRIMARY KEY, published INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL) STRICT;
       CREATE INDEX keys_${number} ON messages_${number} (key, id) WHERE key <> ''`,
    );
    return number;
  }

  saveSubscription({ number, topic, settings }: StoredSubscription): void {
    const sql = 'UPDATE subscriptions SET topic = ?, settings = ? WHERE number = ?';
    this.#database.prepare(sql).run(topic, settings, number);
  }

  deleteSubscription(number: number): void {
    this.#database.prepare('DELETE FROM subscriptions WHERE number = ?').run(number);
    this.#database.exec(`DROP TABLE messages_${number}`);
  }

  /** The first of `count` new message ids, which follow one another. */
  takeIds(count: number): number {
    const first = this.#lastId + 1;
    this.#lastId += count;
    this.#setLastId.run(this.#lastId);
    return first;
  }

  /** The messages of one subscription. */
  backlog(number: number): Backlog {
    return new Backlog(this.#database, number);
  }

  /** Gives the room of deleted messages back to the disk, and closes the file. */
  close(): void {
    this.#commit();
    this.#database.exec('PRAGMA incremental_vacuum');
    this.#database.close();
  }
}

/** The messages that wait for one subscription's acknowledgement. */
export class Backlog {
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #get: StatementSync;
  readonly #after: StatementSync;
  readonly #ofKey: StatementSync;
  readonly #deleteBefore: StatementSync;

  constructor(database: DatabaseSync, number: number) {
    const table = `messages_${number}`;
    const columns = 'id, published, key, body';
    const reading = (sql: string) => {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#insert = database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?)`);
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE id = ?`);
    this.#get = reading(`SELECT ${columns} FROM ${table} WHERE id = ?`);
    this.#after = reading(`SELECT ${columns} FROM ${table} WHERE id > ? ORDER BY id`);
    this.#ofKey = reading(
      `SELECT ${columns} FROM ${table} WHERE key = ? AND key <> '' AND id >= ? AND id <= ? ORDER BY id`,
    );
    this.#deleteBefore = database.prepare(`DELETE FROM ${table} WHERE published < ?`);
  }

  add(id: number, publishedMs: number, key: string, body: Uint8Array): void {
    this.#insert.run(id, publishedMs, key, body);
  }

  delete(id: number): void {
    this.#delete.run(id);
  }

  deleteBefore(timeMs: number): void {
    this.#deleteBefore.run(timeMs);
  }

  get(id: number): StoredMessage | undefined {
    const row = this.#get.get(id);
    return row && toMessage(row);
  }

  /** The messages after this id, read as they are asked for. */
  after(id: number): Iterable<StoredMessage> {
    return messagesOf(this.#after, id);
  }

  /** The messages of one ordering key with ids from `from` to `to`. */
  ofKey(key: string, from: number, to: number): Iterable<StoredMessage> {
    return messagesOf(this.#ofKey, key, from, to);
  }
}

function* messagesOf(statement: StatementSync, ...values: SQLInputValue[]): Generator<StoredMessage> {
  for (const row of statement.iterate(...values)) yield toMessage(row);
}

function toMessage(row: unknown): StoredMessage {
  const [id, publishedMs, key, body] = row as [number, number, string, Uint8Array];
  return { id, publishedMs, key, body };
}

/** True when SQLite says that another process has the store open. */
export function isLocked(error: unknown): boolean {
  const SQLITE_BUSY = 5;
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

/** True when SQLite says that the disk is full. */
export function isFull(error: unknown): boolean {
  const SQLITE_FULL = 13;
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_FULL;
}
