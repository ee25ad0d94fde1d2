import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { topicsOf } from '../helpers/kafka.ts';
import { missing } from '../services/index.ts';
import { kafkaUser, startKafka } from '../services/kafka.ts';
import {
  assertDeadLetters,
  assertIds,
  type Case,
  ELEMENTS,
  fill,
  goodIds,
  prepareCase,
  sharedBroker,
  untilAllRead,
  untilAllReadThroughKills,
  untilAllReadThroughOutage,
} from './kafka-jobs.ts';

const skip = missing('kafka');
const broker = sharedBroker();

test('records go to the other topic with key and headers; what fails becomes a dead letter', {
  skip,
}, async t => {
  const { topics } = await broker();
  const run = await prepare(t);
  await fill(topics, run.input);
  const summary = await untilAllRead(run);
  assert.equal(summary.state, 'DRAINED');
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
  const [first] = await topics.readAll(run.output);
  assert.equal(first?.key, `k${JSON.parse(first?.value ?? '').id}`);
  assert.deepEqual(first?.headers, [['from', 'here']]);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '50' });
  const summary = await untilAllReadThroughKills(await broker(), run);
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '100' });
  const summary = await untilAllReadThroughOutage(await broker(), run);
  assert.equal(summary.state, 'DRAINED', JSON.stringify(summary.error));
  assert.deepEqual(summary.elements, ELEMENTS);
  await assertOutcome(run);
});

test('without a function, keys of any bytes, headers and tombstones are copied as they are', {
  skip,
}, async t => {
  const { kafka, topics } = await broker();
  const output = await topics.make({ numPartitions: 1 });
  const run = await prepareCase(t, await broker(), 'Kafka_to_Kafka', folder => ({
    writeBootstrapServerAndTopic: `${kafka.address};${output}`,
    deadLetterDirectory: join(folder, 'errors'),
    javascriptTextTransformGcsPath: undefined,
    javascriptTextTransformFunctionName: undefined,
  }));
  await topics.send(run.input, [
    {
      key: Buffer.from([0xff, 0]),
      value: Buffer.from([0xfe]),
      headers: { a: Buffer.from([1]), b: ['x', 'y'] },
    },
    { key: 'gone', value: null },
  ]);
  assert.deepEqual((await untilAllRead(run, undefined, undefined, 2)).elements.written, 2);
  const records = await topics.readAll(output);
  assert.deepEqual(records.map(({ key, value, headers }) => ({ key, value, headers })).toSorted(byKey), [
    { key: 'gone', value: null, headers: [] },
    {
      key: '\ufffd\0',
      value: '\ufffd',
      headers: [
        ['a', '\x01'],
        ['b', 'x'],
        ['b', 'y'],
      ],
    },
  ]);
});

test('names, passwords and certificates get the job in on both sides, and stand in no other file', {
  skip,
}, async t => {
  const kafka = await startKafka(t, { secured: true });
  const topics = await topicsOf(t, kafka.address);
  const output = await topics.make();
  const run = await prepareCase(t, { kafka, topics }, 'Kafka_to_Kafka', folder => ({
    readBootstrapServerAndTopic: undefined,
    bootstrapServers: kafka.saslSsl,
    inputTopics: 'to-be-read',
    kafkaReadUsernameSecretId: kafkaUser.username,
    kafkaReadPasswordSecretId: kafkaUser.password,
    kafkaReadTruststoreLocation: join(folder, 'ca.pem'),
    writeBootstrapServerAndTopic: `${kafka.saslPlaintext};${output}`,
    kafkaWriteAuthenticationMethod: 'SASL_SCRAM_512',
    kafkaWriteSaslScramUsernameSecretId: kafkaUser.username,
    kafkaWriteSaslScramPasswordSecretId: kafkaUser.password,
    kafkaWriteUseTls: false,
  }));
  await writeFile(join(run.folder, 'ca.pem'), kafka.ca);
  await topics.admin.createTopics({ topics: [{ topic: 'to-be-read' }], waitForLeaders: true });
  await fill(topics, 'to-be-read', 0, 10);
  const summary = await untilAllRead(run, undefined, undefined, 10);
  assert.equal(summary.elements.written, 10, JSON.stringify(summary.error));
  assert.equal((await topics.readAll(output)).length, 10);
  const files = globSync(join(run.folder, '**/*')).filter(path => statSync(path).isFile());
  const telling = files.filter(path => readFileSync(path, 'latin1').includes(kafkaUser.password));
  assert.deepEqual(
    telling.map(path => basename(path)),
    ['secrets.json'],
  );
});

interface Run extends Case {
  output: string;
}

async function prepare(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const { kafka, topics } = await broker();
  const output = await topics.make();
  const run = await prepareCase(
    t,
    await broker(),
    'Kafka_to_Kafka',
    folder => ({
      writeBootstrapServerAndTopic: `${kafka.address};${output}`,
      deadLetterDirectory: join(folder, 'errors'),
    }),
    env,
  );
  return { ...run, output };
}

async function assertOutcome({ output, folder }: Run): Promise<void> {
  const { topics } = await broker();
  const values = (await topics.readAll(output)).map(({ value }) => value ?? '');
  assertIds(values, goodIds());
  assertDeadLetters(join(folder, 'errors/error-*.json'));
}

const byKey = (a: { key: string | null }, b: { key: string | null }): number =>
  String(b.key) > String(a.key) ? -1 : 1;
