import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { searchClient } from '../helpers/opensearch.ts';
import { missing } from '../services/index.ts';
import { startOpenSearch } from '../services/opensearch.ts';
import { shared } from '../services/service.ts';
import {
  assertIds,
  type Case,
  fateOf,
  fill,
  goodIds,
  linesOf,
  prepareCase,
  recordValue,
  sharedBroker,
  untilAllRead,
  untilAllReadThroughKills,
} from './kafka-jobs.ts';

const skip = missing('kafka', 'opensearch');
const broker = sharedBroker();
const server = shared(startOpenSearch);

/** A price that is no number does not fit the mapping. */
const ELEMENTS = { read: 10_000, written: 9600, filtered: 100, deadLettered: 300 };

test('records become documents under their keys; what fails anywhere becomes a dead letter', {
  skip,
}, async t => {
  const { topics } = await broker();
  const run = await prepare(t, 'plain', { keyAsId: true });
  await fill(topics, run.input);
  assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
  await assertOutcome(run, id => `k${id}`);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, 'killed', {}, { SLUICE_CHECKPOINT_MS: '50' });
  assert.deepEqual((await untilAllReadThroughKills(await broker(), run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed while documents are written, and back, loses and doubles nothing', {
  skip,
}, async t => {
  const { topics } = await broker();
  const run = await prepare(t, 'gone', { batchSize: 50 }, { SLUICE_CHECKPOINT_MS: '100' });
  await fill(topics, run.input);
  const opensearch = await server();
  const client = searchClient(opensearch.url);
  const running = untilAllRead(run);
  while ((await client.count('gone')) < 500) await sleep(5);
  await opensearch.kill();
  await opensearch.restart();
  const summary = await running;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

interface Run extends Case {
  index: string;
}

async function prepare(
  t: TestContext,
  index: string,
  parameters: Record<string, unknown> = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Run> {
  const { url } = await server();
  const mappings = { properties: { price: { type: 'double' } } };
  await searchClient(url).request('PUT', `/${index}`, { mappings });
  const parametersOf = (folder: string) => ({
    connectionUrl: url,
    index,
    deadLetterDirectory: `${join(folder, 'errors')}/`,
    ...parameters,
  });
  return { ...(await prepareCase(t, await broker(), 'Kafka_to_Elasticsearch', parametersOf, env)), index };
}

async function assertOutcome({ folder, index }: Run, idOf?: (id: number) => string): Promise<void> {
  const documents = await searchClient((await server()).url).documents(index);
  const good = goodIds(id => fateOf(id) === 'good');
  assertIds(
    documents.map(({ source }) => JSON.stringify(source)),
    good,
  );
  if (idOf) assert.deepEqual(documents.map(({ id }) => id).sort(), good.map(idOf).sort());
  const letters = linesOf(join(folder, 'errors/*')).map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload, code }) => `${code} ${payload}`).sort(),
    goodIds(id => ['noJson', 'throws', 'misfit'].includes(fateOf(id)))
      .map(id => `${fateOf(id) === 'misfit' ? 'ELASTICSEARCH_REFUSED' : 'UDF_THREW'} ${recordValue(id)}`)
      .sort(),
  );
}
