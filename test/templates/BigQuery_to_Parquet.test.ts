import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { startJob } from '../faults/launch.ts';
import { startBigQuery } from '../services/bigquery.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';
import {
  assertLetters,
  ELEMENTS,
  goodIds,
  nameOf,
  prepareJob,
  type TableJob,
  untilDoneThroughKills,
  untilDoneThroughOutage,
} from './bigquery-jobs.ts';

const skip = missing('bigquery');
const server = shared(startBigQuery);

test('rows become records of Parquet; what the function fails becomes dead letters', { skip }, async t => {
  const run = await prepare(t);
  assert.deepEqual((await startJob(run.job).ended).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t);
  assert.deepEqual((await untilDoneThroughKills(run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t);
  const summary = await untilDoneThroughOutage(run, await server());
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

async function prepare(t: TestContext): Promise<TableJob> {
  return prepareJob(t, await server(), 'BigQuery_to_Parquet', (tableRef, folder) => ({
    tableRef,
    bucket: `${join(folder, 'out')}/`,
    fields: 'id, name, tags',
    rowRestriction: 'id >= 0',
  }));
}

async function assertOutcome(run: TableJob): Promise<void> {
  const found: Record<string, unknown>[] = [];
  for (const path of globSync(join(run.folder, 'out/*.parquet'))) {
    const { buffer, byteOffset, length } = readFileSync(path);
    const file = buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
    found.push(...(await parquetReadObjects({ file, compressors })));
  }
  assert.deepEqual(
    found.sort((a, b) => Number(a.id) - Number(b.id)),
    goodIds.map(id => ({ id: BigInt(id), name: nameOf(id), tags: ['a', 'b'] })),
  );
  assertLetters(run);
}
