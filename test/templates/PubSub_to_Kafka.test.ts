import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { prepareIn } from '../faults/launch.ts';
import { waitFor } from '../helpers/kafka.ts';
import { type Clients, localPubsub, makeTopic, publish } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import {
  assertIds,
  type Case,
  ELEMENTS,
  fateOf,
  goodIds,
  KILL_POINTS,
  killedAt,
  linesOf,
  RECORDS,
  recordValue,
  sharedBroker,
  UDF,
  untilAllRead,
} from './kafka-jobs.ts';

const skip = missing('kafka');
const broker = sharedBroker();

test('messages become records with their attributes as headers; what fails becomes a dead letter', {
  skip,
}, async t => {
  const { topics } = await broker();
  const run = await prepare(t);
  await run.send(0, RECORDS);
  assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
  await assertOutcome(run);
  const [first] = await topics.readAll(run.output);
  assert.deepEqual(first?.headers, [['from', 'here']]);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '50' });
  const share = RECORDS / (KILL_POINTS.length + 1);
  for (const [i, point] of KILL_POINTS.entries()) {
    await run.send(i * share, (i + 1) * share);
    await killedAt(run, point);
  }
  await run.send(RECORDS - share, RECORDS);
  assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const { kafka } = await broker();
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '100' });
  await run.send(0, RECORDS / 2);
  let read = 0;
  const running = untilAllRead(run, undefined, count => {
    read = count;
  });
  await waitFor(() => read >= RECORDS / 2, 'half of the messages');
  await kafka.kill();
  await run.send(RECORDS / 2, RECORDS);
  await kafka.restart();
  const summary = await running;
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

interface Run extends Case {
  output: string;
  send(from: number, to: number): Promise<void>;
}

async function prepare(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const { kafka, topics } = await broker();
  const { config, clients } = await localPubsub(t);
  const { topic, subscription } = await makeTopic(clients);
  const folder = await temporaryFolder(t);
  const output = await topics.make();
  await writeFile(join(folder, 'check.js'), UDF);
  const parameters = {
    inputSubscription: subscription,
    bootstrapServer: kafka.address,
    outputTopic: output,
    deadLetterDirectory: join(folder, 'errors'),
    javascriptTextTransformGcsPath: join(folder, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const job = await prepareIn(config.home, 'PubSub_to_Kafka', parameters, env);
  return { folder, job, input: topic, output, send: (from, to) => publishAll(clients, topic, from, to) };
}

async function publishAll(clients: Clients, topic: string, from: number, to: number): Promise<void> {
  for (let id = from; id < to; id += 1000) {
    const messages = Array.from({ length: Math.min(1000, to - id) }, (_, i) => ({
      data: Buffer.from(recordValue(id + i)),
      attributes: { from: 'here' },
    }));
    await publish(clients, topic, messages);
  }
}

async function assertOutcome({ output, folder }: Run): Promise<void> {
  const { topics } = await broker();
  assertIds(
    (await topics.readAll(output)).map(({ value }) => value ?? ''),
    goodIds(),
  );
  const letters = linesOf(join(folder, 'errors/error-*.json')).map(line => JSON.parse(line).payload);
  const expected = goodIds(id => ['noJson', 'throws'].includes(fateOf(id))).map(recordValue);
  assert.deepEqual(letters.sort(), expected.sort());
}
