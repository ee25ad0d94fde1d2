import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { saveJob } from '../../src/jobs/job.ts';
import { newTable } from '../connectors/sql/servers.ts';
import { type Prepared, startJob, wasKilled } from '../faults/launch.ts';
import { clientsHere } from '../helpers/pubsub.ts';
import { missing } from '../services/index.ts';
import { startPostgres } from '../services/postgres.ts';
import { shared } from '../services/service.ts';
import { goodIds, linesOf } from './kafka-jobs.ts';
import {
  isGood,
  killedWhileCopying,
  lostIds,
  ordersIn,
  prepareWith,
  type Topic,
  topicHere,
} from './sql-jobs.ts';

const skip = missing('postgres');
const server = shared(startPostgres);

/** Rows are all JSON, and a topic takes any price. */
const ELEMENTS = { read: 10_000, written: 9800, filtered: 100, deadLettered: 100 };
const published = goodIds(id => isGood(id) || [13, 77].includes(id % 100));

async function prepare(
  t: TestContext,
  of = '',
  env: NodeJS.ProcessEnv = {},
  more: Record<string, unknown> = {},
): Promise<{ topic: Topic; job: Prepared }> {
  const postgres = await server();
  const topic = await topicHere(t);
  const table = newTable();
  await ordersIn(postgres, table);
  const job = await prepareWith(
    topic.home,
    'Jdbc_to_PubSub',
    {
      connectionUrl: postgres.url,
      query: `SELECT id, price FROM ${table}${of}`,
      outputTopic: 'projects/local/topics/orders',
      deadLetterDirectory: join(topic.home, 'errors'),
      ...more,
    },
    env,
  );
  return { topic, job };
}

/** The ids of all messages, in order. */
async function messageIds(
  t: TestContext,
  { topic, job }: { topic: Topic; job: Prepared },
): Promise<number[]> {
  const { subscriber } = await clientsHere(t, job.config);
  const ids: number[] = [];
  for (;;) {
    const [{ receivedMessages = [] }] = await subscriber.pull({
      subscription: topic.subscription,
      maxMessages: 1000,
      returnImmediately: true,
    });
    for (const { message } of receivedMessages ?? []) ids.push(JSON.parse(String(message?.data)).id);
    if (!receivedMessages || receivedMessages.length === 0) return ids.sort((a, b) => a - b);
    const ackIds = receivedMessages.map(({ ackId }) => ackId ?? '');
    await subscriber.acknowledge({ subscription: topic.subscription, ackIds });
  }
}

function assertLetters({ topic }: { topic: Topic }): void {
  const letters = linesOf(join(topic.home, 'errors/error-*.json')).map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload }) => JSON.parse(payload).id).sort((a, b) => a - b),
    lostIds(['throws']),
  );
}

test('rows become messages; what fails becomes a dead letter', { skip }, async t => {
  const run = await prepare(t);
  assert.deepEqual((await startJob(run.job).ended).elements, ELEMENTS);
  assert.deepEqual(await messageIds(t, run), published);
  assertLetters(run);
});

test('a worker killed anywhere loses nothing; Pub/Sub may have messages twice', { skip }, async t => {
  const run = await prepare(t, '', { SLUICE_CHECKPOINT_MS: '20' });
  for (const point of ['stage.write:2', 'checkpoint.saved:1'] as const)
    assert.ok(wasKilled(await startJob(run.job, point).ended), point);
  assert.deepEqual((await startJob(run.job).ended).elements, ELEMENTS);
  assert.deepEqual([...new Set(await messageIds(t, run))], published);
  assertLetters(run);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, '_slow');
  const running = startJob(run.job).ended;
  await killedWhileCopying(await server());
  const summary = await running;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  assert.deepEqual(await messageIds(t, run), published);
  assertLetters(run);
});

test('three workers share a table that is read in parts, killed in the middle', { skip }, async t => {
  const parts = { partitionColumn: 'id', numPartitions: 7 };
  const run = await prepare(t, '', { SLUICE_CHECKPOINT_MS: '20' }, parts);
  const { config, prepared } = run.job;
  prepared.job.workers = 3;
  await saveJob(config, prepared.job);
  assert.ok(wasKilled(await startJob(run.job, 'checkpoint.saved:1').ended));
  assert.deepEqual((await startJob(run.job).ended).elements, ELEMENTS);
  assert.deepEqual([...new Set(await messageIds(t, run))], published);
  assertLetters(run);
});
