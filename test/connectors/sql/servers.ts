/** The database servers that all tests of a file share, and what they do with them all the time. */
import { basename } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { readFromJdbc, writeToJdbc } from '../../../src/connectors/sql/index.ts';
import type { Sink, Source, StageContext } from '../../../src/engine/component.ts';
import { type Row, rowBatch, rowsOf } from '../../../src/formats/rows.ts';
import { contextOf } from '../../helpers/pipeline.ts';
import type { Mysql } from '../../services/mysql.ts';
import type { Postgres } from '../../services/postgres.ts';

const row = { form: 'row' } as const;

let made = 0;

/** A name nobody has yet. */
export const newTable = (): string => `t${process.pid}_${++made}`;

export async function inPostgres(server: Postgres, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const result = await client.query(sql);
    return result.rows ?? [];
  } finally {
    await client.end();
  }
}

export async function inMysql(server: Mysql, sql: string): Promise<Record<string, unknown>[]> {
  const client = await mysql.createConnection({ uri: server.url, multipleStatements: true });
  try {
    const [rows] = await client.query(sql);
    return rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

export async function openSink(
  directory: string,
  config: object,
  more: Partial<StageContext> = {},
): Promise<Sink> {
  if (writeToJdbc.kind !== 'sink') throw new Error();
  // The database remembers jobs by their ids.
  const job = { jobId: basename(directory), input: row, inputs: [{ type: row }] };
  return writeToJdbc.open(config, contextOf(directory, { ...job, ...more }));
}

export async function openSource(
  directory: string,
  config: object,
  more: Partial<StageContext> = {},
): Promise<Source> {
  if (readFromJdbc.kind !== 'source') throw new Error();
  return readFromJdbc.open(config, contextOf(directory, more));
}

/** Writes rows; gives what became of those that failed. */
export async function write(sink: Sink, rows: Row[]): Promise<string[]> {
  const result = await sink.write(rowBatch(rows));
  return (result?.failed?.failures ?? []).map(({ code, message }) => `${code} ${message}`);
}

/** What an engine does at a checkpoint; gives the state as it is read back. */
export async function checkpoint(sink: Sink) {
  const state = JSON.parse(JSON.stringify(await sink.prepare()));
  await sink.commit();
  return state;
}

/** Everything that a source gives until it ends. */
export async function readAll(source: Source): Promise<Row[]> {
  const rows: Row[] = [];
  const { signal } = new AbortController();
  for (;;) {
    const batch = await source.read(signal);
    if (batch === 'end') return rows;
    if (batch !== 'idle') rows.push(...rowsOf(batch, row));
  }
}
