import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startJob } from '../faults/launch.ts';
import { searchClient } from '../helpers/opensearch.ts';
import { startBigQuery } from '../services/bigquery.ts';
import { missing } from '../services/index.ts';
import { startOpenSearch } from '../services/opensearch.ts';
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

const skip = missing('bigquery', 'opensearch');
const server = shared(startBigQuery);
const opensearch = shared(startOpenSearch);

test('rows of a query become documents; what the function fails becomes dead letters', { skip }, async t => {
  const run = await prepare(t, 'plain');
  assert.deepEqual((await startJob(run.job).ended).elements, ELEMENTS);
  await assertOutcome(run, 'plain');
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, 'killed');
  assert.deepEqual((await untilDoneThroughKills(run)).elements, ELEMENTS);
  await assertOutcome(run, 'killed');
});

test('BigQuery killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, 'outage');
  const summary = await untilDoneThroughOutage(run, await server());
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run, 'outage');
});

test('OpenSearch killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const search = await opensearch();
  const client = searchClient(search.url);
  const run = await prepare(t, 'gone', { batchSize: 100 });
  const running = startJob(run.job).ended;
  while (!((await client.count('gone')) > 0)) await sleep(5);
  await search.restart();
  const summary = await running;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run, 'gone');
});

async function prepare(t: TestContext, index: string, parameters: object = {}): Promise<TableJob> {
  const { url } = await opensearch();
  return prepareJob(t, await server(), 'BigQuery_to_Elasticsearch', table => ({
    query: `SELECT id, name, tags FROM \`${table.replace(':', '.')}\` ORDER BY id`,
    connectionUrl: url,
    index,
    ...parameters,
  }));
}

async function assertOutcome(run: TableJob, index: string): Promise<void> {
  const { url } = await opensearch();
  const documents = (await searchClient(url).documents(index)).map(({ source }) => source);
  assert.deepEqual(
    documents.sort((a, b) => Number(a.id) - Number(b.id)),
    goodIds.map(id => ({ id, name: nameOf(id), tags: ['a', 'b'] })),
  );
  assertLetters(run);
}
