import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { totalsOf } from '../../src/engine/counters.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { ask, environmentOf, newTable } from '../connectors/bigquery/cloud.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { type Clients, localPubsub, makeTopic, publish } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { startBigQuery } from '../services/bigquery.ts';
import { missing } from '../services/index.ts';
import { shared } from '../services/service.ts';

const skip = missing('bigquery');
const server = shared(startBigQuery);

const MESSAGES = 10_000;
/** Of each hundred messages one is no JSON, one makes the function throw, one does not fit, one is filtered. */
const FATES = { noJson: 13, throws: 57, misfit: 77, filtered: 91 };
const EACH = MESSAGES / 100;
const ELEMENTS = { read: MESSAGES, written: 96 * EACH, filtered: EACH, deadLettered: 3 * EACH };
const UDF = `function check(payload) {
  const id = Number(/[0-9]+/.exec(payload)[0]);
  if (id % 100 === ${FATES.throws}) throw new Error('unwanted');
  return id % 100 === ${FATES.filtered} ? null : payload;
}`;
const SCHEMA = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'price', type: 'NUMERIC' },
];

const payloadOf = (id: number): string => {
  if (id % 100 === FATES.noJson) return `{"id":${id}`;
  return JSON.stringify({ id, price: id % 100 === FATES.misfit ? 'much' : id / 4 });
};

test('messages become rows; what fails anywhere becomes a row of the dead-letter table', {
  skip,
}, async t => {
  const run = await prepare(t);
  await run.publish(0, MESSAGES);
  const summary = await untilAllRead(run.job);
  assert.deepEqual([summary.state, summary.elements], ['DRAINED', ELEMENTS]);
  await assertOutcome(run);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t);
  await run.publish(0, MESSAGES);
  for (const point of ['stage.write:3', 'checkpoint.saved:2', 'checkpoint.committed:1'] as const)
    assert.ok(wasKilled(await untilAllRead(run.job, point)), point);
  assert.deepEqual((await untilAllRead(run.job)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('BigQuery killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t);
  const place = await server();
  await run.publish(0, MESSAGES);
  const running = untilAllRead(run.job);
  while ((await run.rows()).length === 0) await sleep(20);
  await place.kill();
  await sleep(500);
  await place.restart();
  const summary = await running;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

interface Run {
  job: Prepared;
  publish(from: number, to: number): Promise<void>;
  rows(): Promise<(string | null)[]>;
  letters(): Promise<(string | null)[]>;
}

async function prepare(t: TestContext): Promise<Run> {
  const place = await server();
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'udf.js'), UDF);
  await writeFile(join(folder, 'schema.json'), JSON.stringify(SCHEMA));
  const table = newTable(place);
  const parameters = {
    inputSubscription: subscription,
    outputTableSpec: `${place.project}:${table}`,
    bigQuerySchemaPath: join(folder, 'schema.json'),
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const env = { SLUICE_CHECKPOINT_MS: '100', ...environmentOf(place) };
  const column = async (name: string, of: string) =>
    (await ask(place, `SELECT ${name} FROM ${of}`).catch(() => [])).flat();
  return {
    job: await prepareIn(config.home, 'PubSub_to_BigQuery', parameters, env),
    publish: (from, to) => publishAll(clients, topic, from, to),
    rows: () => column('id', table),
    letters: () => column('payloadString', `${table}_error_records`),
  };
}

async function publishAll(clients: Clients, topic: string, from: number, to: number): Promise<void> {
  const payloads = Array.from({ length: to - from }, (_, i) => payloadOf(from + i));
  for (let i = 0; i < payloads.length; i += 1000) await publish(clients, topic, payloads.slice(i, i + 1000));
}

function untilAllRead(job: Prepared, crashAt?: Parameters<typeof startJob>[1]): Promise<JobSummary> {
  const run = startJob(job, crashAt, {
    onProgress: ({ counters }) => {
      if (totalsOf(job.prepared.graph, counters).elements.read >= MESSAGES) run.drain();
    },
  });
  return run.ended;
}

async function assertOutcome({ rows, letters }: Run): Promise<void> {
  const all = Array.from({ length: MESSAGES }, (_, id) => id);
  const failing = Object.values(FATES);
  assert.deepEqual(
    (await rows()).map(Number).sort((a, b) => a - b),
    all.filter(id => !failing.includes(id % 100)),
  );
  const lost = [FATES.noJson, FATES.throws, FATES.misfit];
  assert.deepEqual(
    (await letters()).sort(),
    all
      .filter(id => lost.includes(id % 100))
      .map(payloadOf)
      .sort(),
  );
}
