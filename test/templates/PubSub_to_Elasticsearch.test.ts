import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { totalsOf } from '../../src/engine/counters.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { searchClient } from '../helpers/opensearch.ts';
import { type Clients, localPubsub, makeTopic, publish, pullCount } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startOpenSearch } from '../services/opensearch.ts';
import { shared } from '../services/service.ts';

const skip = missing('opensearch');
const server = shared(startOpenSearch);

const MESSAGES = 10_000;
/** Of each hundred: one is no JSON, one makes the function throw, one does not fit the mapping, one is filtered. */
const UDF = `function check(payload) {
  const order = JSON.parse(payload);
  if (order.id % 100 === 57) throw new Error('unwanted');
  if (order.id % 100 === 91) return null;
  return payload;
}`;
const FATES = { noJson: 13, throws: 57, misfit: 77, filtered: 91 };
const EACH = MESSAGES / 100;
const ELEMENTS = { read: MESSAGES, written: 96 * EACH, filtered: EACH, deadLettered: 3 * EACH };

const payloadOf = (id: number): string => {
  if (id % 100 === FATES.noJson) return `{"id":${id}`;
  return JSON.stringify({ id, price: id % 100 === FATES.misfit ? 'much' : id / 4 });
};

test('messages become documents with their attributes; what fails anywhere becomes a dead letter', {
  skip,
}, async t => {
  const run = await prepare(t, 'plain');
  const summary = await untilAllRead(run);
  assert.equal(summary.state, 'DRAINED');
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, 'killed', { SLUICE_CHECKPOINT_MS: '50' });
  const points: `${CrashPoint}:${number}`[] = [
    'stage.write:3',
    'checkpoint.prepared:1',
    'checkpoint.saved:2',
  ];
  for (const point of points) assert.ok(wasKilled(await untilAllRead(run, point)), point);
  const summary = await untilAllRead(run);
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed while documents are written, and back later, loses and doubles nothing', {
  skip,
}, async t => {
  const run = await prepare(t, 'gone', { SLUICE_CHECKPOINT_MS: '100' }, { batchSize: 50 });
  const opensearch = await server();
  const running = untilAllRead(run);
  while ((await run.client.count(run.index)) < 500) await sleep(10);
  await opensearch.kill();
  await sleep(500);
  await opensearch.restart();
  const summary = await running;
  assert.equal(summary.state, 'DRAINED', JSON.stringify(summary.error));
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
});

test('without an index of its own a document is a log entry of the data stream that Elastic expects', {
  skip,
}, async t => {
  const { url } = await server();
  const client = searchClient(url);
  const stream = 'logs-gcp.audit-tests';
  await client.request('PUT', `/_index_template/${stream}`, {
    index_patterns: [stream],
    data_stream: {},
    priority: 500,
  });
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const errors = await makeTopic(clients);
  const job = await prepareIn(config.home, 'PubSub_to_Elasticsearch_Flex', {
    inputSubscription: subscription,
    connectionUrl: url,
    dataset: 'AUDIT',
    namespace: 'tests',
    errorOutputTopic: errors.topic,
  });
  const entry = { protoPayload: { timestamp: '2026-11-20T10:00:00Z' }, severity: 'INFO', origin: 'payload' };
  await publish(clients, topic, [
    { data: Buffer.from(JSON.stringify(entry)), attributes: { origin: 'attribute', zone: 'b' } },
    { data: Buffer.alloc(0), attributes: { only: 'attributes' } },
    '[1]',
  ]);
  const run = startJob(job, undefined, {
    onProgress: ({ counters }) => {
      if (totalsOf(job.prepared.graph, counters).elements.read >= 3) run.drain();
    },
  });
  assert.deepEqual((await run.ended).elements, { read: 3, written: 2, filtered: 0, deadLettered: 1 });
  const documents = await client.documents(stream);
  const audit = documents.find(({ source }) => source.severity === 'INFO')?.source;
  const message = { ...entry, origin: 'attribute', zone: 'b' };
  assert.deepEqual(audit, {
    ...message,
    '@timestamp': '2026-11-20T10:00:00Z',
    agent: { type: 'dataflow', name: '', version: '1.0.0', id: '' },
    data_stream: { type: 'logs', dataset: 'gcp.audit', namespace: 'tests' },
    ecs: { version: '1.10.0' },
    event: { module: 'gcp', dataset: 'gcp.audit' },
    service: { type: 'gcp.audit' },
    message: JSON.stringify(message),
  });
  const bare = documents.find(({ source }) => source.only === 'attributes')?.source;
  assert.match(String(bare?.['@timestamp']), /^20\d\d-\d\d-\d\dT/, 'the time of publishing');
  const [letter] = await pullCount(clients, errors.subscription, 1);
  const { code, payload } = JSON.parse(String(letter?.message?.data));
  assert.deepEqual({ code, payload }, { code: 'NOT_JSON_OBJECT', payload: '[1]' });
});

interface Run {
  job: Prepared;
  index: string;
  client: ReturnType<typeof searchClient>;
  errors: string;
}

async function prepare(
  t: TestContext,
  index: string,
  env: NodeJS.ProcessEnv = {},
  parameters: Record<string, unknown> = {},
): Promise<Run> {
  const { url } = await server();
  const client = searchClient(url);
  await client.request('PUT', `/${index}`, { mappings: { properties: { price: { type: 'double' } } } });
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'check.js'), UDF);
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  await publishAll(clients, topic);
  const errors = join(folder, 'errors');
  const given = {
    inputSubscription: subscription,
    connectionUrl: url,
    index,
    addLogFields: false,
    deadLetterDirectory: `${errors}/`,
    javascriptTextTransformGcsPath: join(folder, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
    ...parameters,
  };
  const job = await prepareIn(config.home, 'PubSub_to_Elasticsearch', given, env);
  return { job, index, client, errors };
}

async function publishAll(clients: Clients, topic: string): Promise<void> {
  for (let first = 0; first < MESSAGES; first += 1000) {
    const ids = Array.from({ length: 1000 }, (_, i) => first + i);
    await publish(
      clients,
      topic,
      ids.map(id => ({ data: Buffer.from(payloadOf(id)), attributes: { number: String(id) } })),
    );
  }
}

function untilAllRead({ job }: Run, crashAt?: `${CrashPoint}:${number}`) {
  const run = startJob(job, crashAt, {
    onProgress: ({ counters }) => {
      if (totalsOf(job.prepared.graph, counters).elements.read >= MESSAGES) run.drain();
    },
  });
  return run.ended;
}

async function assertOutcome({ client, index, errors }: Run): Promise<void> {
  const documents = await client.documents(index);
  const failing = Object.values(FATES);
  const expected = Array.from({ length: MESSAGES }, (_, id) => id).filter(id => !failing.includes(id % 100));
  const byId = documents.map(({ source }) => source).sort((a, b) => Number(a.id) - Number(b.id));
  assert.equal(documents.length, expected.length);
  for (const [i, id] of expected.entries())
    assert.deepEqual(byId[i], { id, price: id / 4, number: String(id) });

  const letters = globSync(`${errors}/*`).flatMap(path => readFileSync(path, 'utf8').trimEnd().split('\n'));
  const found = letters
    .map(line => JSON.parse(line))
    .sort((a, b) => Number(a.attributes.number) - Number(b.attributes.number));
  const wrong = Array.from({ length: MESSAGES }, (_, id) => id).filter(id =>
    [FATES.noJson, FATES.throws, FATES.misfit].includes(id % 100),
  );
  assert.deepEqual(
    found.map(({ attributes, payload, code }) => ({ id: Number(attributes.number), payload, code })),
    wrong.map(id => ({
      id,
      payload: payloadOf(id),
      code: id % 100 === FATES.misfit ? 'ELASTICSEARCH_REFUSED' : 'UDF_THREW',
    })),
  );
  const misfit = found.find(({ code }) => code === 'ELASTICSEARCH_REFUSED');
  assert.match(misfit.message, /failed to parse field \[price\] of type \[double\]/);
}
