/** The emulator of BigQuery, and sinks and sources of ours that speak to it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { loadConfig } from '../../../src/config.ts';
import { readFromBigQuery, writeToBigQuery } from '../../../src/connectors/bigquery/index.ts';
import type { Sink, Source, StageContext } from '../../../src/engine/component.ts';
import { type Row, rowBatch } from '../../../src/formats/rows.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import type { BigQuery } from '../../services/bigquery.ts';

const row = { form: 'row' } as const;

/** What the connector is told by the environment. */
export const environmentOf = (server: BigQuery, storage = false): NodeJS.ProcessEnv => ({
  BIGQUERY_EMULATOR_HOST: server.url,
  GOOGLE_CLOUD_PROJECT: server.project,
  ...(storage && { BIGQUERY_STORAGE_GRPC_ENDPOINT: server.grpcAddress }),
});

export interface Opening extends Partial<StageContext> {
  storage?: boolean;
}

export function openSink(server: BigQuery, home: string, config: object, more: Opening = {}): Promise<Sink> {
  assert.ok(writeToBigQuery.kind === 'sink');
  return writeToBigQuery.open(
    config,
    contextIn(server, home, { input: row, inputs: [{ type: row }], ...more }),
  );
}

export function openSource(
  server: BigQuery,
  home: string,
  config: object,
  more: Opening = {},
): Promise<Source> {
  assert.ok(readFromBigQuery.kind === 'source');
  return readFromBigQuery.open(config, contextIn(server, home, more));
}

function contextIn(server: BigQuery, home: string, { storage = false, ...more }: Opening): StageContext {
  return contextOf(home, {
    // The server remembers the jobs of other tests.
    jobId: `job-${letters()}`,
    config: loadConfig({ SLUICE_HOME: home, ...environmentOf(server, storage) }),
    ...more,
  });
}

/** Gives why rows failed. */
export async function write(sink: Sink, rows: Row[]): Promise<string[]> {
  const result = await sink.write(rowBatch(rows));
  return (result?.failed?.failures ?? []).map(({ code, message }) => `${code} ${message}`);
}

export async function checkpoint(sink: Sink) {
  const state = JSON.parse(JSON.stringify(await sink.prepare()));
  await sink.commit();
  return state;
}

export async function readAll(source: Source): Promise<string[]> {
  const texts: string[] = [];
  const { signal } = new AbortController();
  for (;;) {
    const batch = await source.read(signal);
    if (batch === 'end') break;
    if (batch !== 'idle') texts.push(...textsOf(batch));
  }
  await source.close(true);
  return texts;
}

/** A table of its own for each test. */
export const newTable = (server: BigQuery): string => `${server.dataset}.t${letters()}`;

const letters = (): string => randomBytes(8).toString('hex');

/** Asks BigQuery itself, past the connector; gives each row's values as text. */
export async function ask(server: BigQuery, query: string): Promise<(string | null)[][]> {
  const answer = await post(server, `/projects/${server.project}/queries`, { query, useLegacySql: false });
  return (answer.rows ?? []).map(({ f }) => f.map(({ v }) => v));
}

interface Answer {
  rows?: { f: { v: string | null }[] }[];
}

/** Makes a table past the connector. */
export async function makeTable(server: BigQuery, name: string, fields: object[]): Promise<void> {
  const [datasetId = '', tableId = ''] = name.split('.');
  const tableReference = { projectId: server.project, datasetId, tableId };
  const path = `/projects/${server.project}/datasets/${datasetId}/tables`;
  await post(server, path, { tableReference, schema: { fields } });
}

async function post(server: BigQuery, path: string, body: object): Promise<Answer> {
  const response = await fetch(`${server.url}/bigquery/v2${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text);
}

/** Puts rows into a table past the connector. */
export async function insert(server: BigQuery, name: string, rows: object[]): Promise<void> {
  const [dataset = '', table = ''] = name.split('.');
  for (let i = 0; i < rows.length; i += 5000) {
    const some = rows.slice(i, i + 5000).map(json => ({ json }));
    await post(server, `/projects/${server.project}/datasets/${dataset}/tables/${table}/insertAll`, {
      rows: some,
    });
  }
}
