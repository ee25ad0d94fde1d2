/** Jobs of templates that read a table of the emulator: what lies in it, and what must have become of each row. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { JobSummary } from '../../src/jobs/job.ts';
import { environmentOf, insert, makeTable, newTable } from '../connectors/bigquery/cloud.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import type { BigQuery } from '../services/bigquery.ts';

export const ROWS = 10_000;
/** Of each hundred rows the function fails one and drops one. */
const FATES = { throws: 13, dropped: 57 };
const EACH = ROWS / 100;
export const ELEMENTS = { read: ROWS, written: 98 * EACH, filtered: EACH, deadLettered: EACH };

const UDF = `function check(text) {
  const row = JSON.parse(text);
  if (row.id % 100 === ${FATES.throws}) throw new Error('thirteen');
  if (row.id % 100 === ${FATES.dropped}) return null;
  return text;
}`;

/** Exact where a double is not. */
export const nameOf = (id: number): string => `row ${id}`;
export const goodIds = Array.from({ length: ROWS }, (_, id) => id).filter(
  id => !Object.values(FATES).includes(id % 100),
);

export interface TableJob {
  job: Prepared;
  folder: string;
}

/** A job of a template over the table, whose name the parameters get. */
export async function prepareJob(
  t: TestContext,
  server: BigQuery,
  templateId: string,
  parameters: (table: string, folder: string) => Record<string, unknown>,
): Promise<TableJob> {
  const folder = await temporaryFolder(t);
  filled ??= fill(server);
  const table = await filled;
  await writeFile(join(folder, 'udf.js'), UDF);
  const job = await prepareIn(
    await temporaryFolder(t),
    templateId,
    {
      ...parameters(`${server.project}:${table}`, folder),
      javascriptTextTransformGcsPath: join(folder, 'udf.js'),
      javascriptTextTransformFunctionName: 'check',
      deadLetterDirectory: `${join(folder, 'errors')}/`,
    },
    { SLUICE_CHECKPOINT_MS: '20', ...environmentOf(server) },
  );
  return { job, folder };
}

/** The table that all jobs of a test file read. */
let filled: Promise<string> | undefined;

async function fill(server: BigQuery): Promise<string> {
  const table = newTable(server);
  await makeTable(server, table, [
    { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
    { name: 'name', type: 'STRING' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  ]);
  const rows = Array.from({ length: ROWS }, (_, id) => ({
    id: String(id),
    name: nameOf(id),
    at: '2026-11-20T10:00:00Z',
    tags: ['a', 'b'],
  }));
  await insert(server, table, rows);
  return table;
}

/** Kills the worker as it passes each of these points, and then lets it come to its end. */
export async function untilDoneThroughKills({ job }: TableJob): Promise<JobSummary> {
  for (const point of ['source.read:2', 'stage.write:2', 'checkpoint.saved:1'] as const)
    assert.ok(wasKilled(await startJob(job, point).ended), point);
  return startJob(job).ended;
}

/** Kills BigQuery once the job has read something, and starts it again. */
export async function untilDoneThroughOutage({ job }: TableJob, server: BigQuery): Promise<JobSummary> {
  const outage = Promise.withResolvers<void>();
  let isKilled = false;
  const run = startJob(job, undefined, {
    onProgress({ counters }) {
      if (isKilled || !Object.values(counters).some(({ out }) => out > 0)) return;
      isKilled = true;
      server.restart().then(outage.resolve, outage.reject);
    },
  });
  const summary = await run.ended;
  assert.ok(isKilled, 'BigQuery was never killed');
  await outage.promise;
  return summary;
}

export function assertLetters({ folder }: TableJob): void {
  const letters = globSync(join(folder, 'errors/*'))
    .flatMap(path => readFileSync(path, 'utf8').trimEnd().split('\n'))
    .map(line => JSON.parse(line));
  const ids = letters.map(({ payload }) => Number(JSON.parse(payload).id)).sort((a, b) => a - b);
  assert.deepEqual(
    ids,
    Array.from({ length: EACH }, (_, i) => i * 100 + FATES.throws),
  );
  assert.ok(letters.every(({ code }) => code === 'UDF_THREW'));
}
