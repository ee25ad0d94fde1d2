/** Records for the templates that read Kafka, and their jobs: undisturbed, killed, and with the server gone for a while. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { totalsOf } from '../../src/engine/counters.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from '../faults/launch.ts';
import { type Topics, topicsOf, waitFor } from '../helpers/kafka.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type Kafka, startKafka } from '../services/kafka.ts';
import { shared } from '../services/service.ts';

export const RECORDS = 10_000;

/** Of each hundred one is no JSON, one makes the function throw, one is filtered; one has no number for its price. */
const FATES = { noJson: 13, throws: 57, misfit: 77, filtered: 91 };
export const UDF = `function check(payload, context) {
  const order = JSON.parse(payload);
  if (order.id % 100 === ${FATES.throws}) throw new Error('unwanted ' + context.key + context.attributes.from);
  if (order.id % 100 === ${FATES.filtered}) return null;
  return payload;
}`;

export const fateOf = (id: number): keyof typeof FATES | 'good' =>
  (Object.keys(FATES) as (keyof typeof FATES)[]).find(fate => FATES[fate] === id % 100) ?? 'good';

/** The books where only the function refuses something. */
export const ELEMENTS = { read: RECORDS, written: 9700, filtered: 100, deadLettered: 200 };

export const recordValue = (id: number): string => {
  if (fateOf(id) === 'noJson') return `{"id":${id}`;
  return JSON.stringify({ id, price: fateOf(id) === 'misfit' ? 'much' : id / 4 });
};

export const goodIds = (isGood = (id: number) => ['good', 'misfit'].includes(fateOf(id))): number[] =>
  Array.from({ length: RECORDS }, (_, id) => id).filter(isGood);

export interface Broker {
  kafka: Kafka;
  topics: Topics;
}

/** To be called at the head of a file. */
export const sharedBroker = (): (() => Promise<Broker>) =>
  shared(async t => {
    const kafka = await startKafka(t);
    return { kafka, topics: await topicsOf(t, kafka.address) };
  });

export interface Case {
  folder: string;
  job: Prepared;
  input: string;
}

/** A job over a topic of its own, which is still empty. @param parametersOf what the template needs beside it */
export async function prepareCase(
  t: TestContext,
  { kafka, topics }: Broker,
  templateId: string,
  parametersOf: (folder: string) => Record<string, unknown>,
  env: NodeJS.ProcessEnv = {},
): Promise<Case> {
  const folder = await temporaryFolder(t);
  const input = await topics.make();
  await writeFile(join(folder, 'check.js'), UDF);
  const parameters = {
    readBootstrapServerAndTopic: `${kafka.address};${input}`,
    kafkaReadOffset: 'earliest',
    javascriptTextTransformGcsPath: join(folder, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
    ...parametersOf(folder),
  };
  return { folder, input, job: await prepareIn(join(folder, 'home'), templateId, parameters, env) };
}

export async function fill(topics: Topics, input: string, from = 0, to = RECORDS): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, i) => from + i);
  await topics.send(
    input,
    ids.map(id => ({ key: `k${id}`, value: recordValue(id), headers: { from: 'here' } })),
  );
}

/** Runs until everything is read, and then to the end; or until the worker dies. */
export async function untilAllRead(
  { job }: Case,
  crashAt?: `${CrashPoint}:${number}`,
  onRead: (count: number) => void = () => {},
  count = RECORDS,
): Promise<JobSummary> {
  const run = startJob(job, crashAt, {
    onProgress: ({ counters }) => {
      const { read } = totalsOf(job.prepared.graph, counters).elements;
      onRead(read);
      if (read >= count) run.drain();
    },
  });
  return run.ended;
}

export const KILL_POINTS: readonly `${CrashPoint}:${number}`[] = [
  'source.read:1',
  'checkpoint.committed:1',
  'checkpoint.prepared:1',
  'checkpoint.saved:1',
];

/** Kills the worker at each of the points, with new records before each start, then lets it come to the end. */
export async function untilAllReadThroughKills({ topics }: Broker, each: Case): Promise<JobSummary> {
  const share = RECORDS / (KILL_POINTS.length + 1);
  for (const [i, point] of KILL_POINTS.entries()) {
    await fill(topics, each.input, i * share, (i + 1) * share);
    await killedAt(each, point);
  }
  await fill(topics, each.input, RECORDS - share, RECORDS);
  return untilAllRead(each);
}

export async function killedAt(each: Case, point: `${CrashPoint}:${number}`): Promise<void> {
  assert.ok(wasKilled(await untilAllRead(each, point)), point);
}

/** Half of the records are there; once they are read, the server is killed, and comes back with the other half. */
export async function untilAllReadThroughOutage({ kafka, topics }: Broker, each: Case): Promise<JobSummary> {
  await fill(topics, each.input, 0, RECORDS / 2);
  let read = 0;
  const running = untilAllRead(each, undefined, count => {
    read = count;
  });
  await waitFor(() => read >= RECORDS / 2, 'half of the records');
  await kafka.kill();
  await kafka.restart();
  // All partitions have a leader again: of a request that fails in part, the producer here would repeat the whole.
  const isBack = () =>
    topics.admin.fetchTopicOffsets(each.input).then(
      () => true,
      () => false,
    );
  await waitFor(isBack, 'the partitions to be back');
  await fill(topics, each.input, RECORDS / 2, RECORDS);
  assert.equal((await topics.readAll(each.input)).length, RECORDS);
  return running;
}

/** The ids in these texts, each a JSON object, are the ones expected, each once. */
export function assertIds(texts: readonly string[], expected: readonly number[]): void {
  const ids = texts.map(text => JSON.parse(text).id).sort((a, b) => a - b);
  assert.deepEqual(
    ids.filter((id, i) => id === ids[i - 1]),
    [],
    'some are there twice',
  );
  assert.deepEqual(ids, expected);
}

/** The dead letters in these files are those that the function refuses, each once, with what its record had. */
export function assertDeadLetters(pattern: string): void {
  const letters = linesOf(pattern).map(line => JSON.parse(line));
  const expected = goodIds(id => ['noJson', 'throws'].includes(fateOf(id)));
  assert.equal(letters.length, expected.length);
  assert.deepEqual(letters.map(({ payload }) => payload).sort(), expected.map(recordValue).sort());
  const [thrown] = letters.filter(({ payload }) => payload === recordValue(FATES.throws));
  assert.equal(thrown?.key, `k${FATES.throws}`);
  assert.deepEqual(thrown?.attributes, { from: 'here' });
  assert.match(thrown?.message, new RegExp(`unwanted k${FATES.throws}here`));
  assert.match(thrown?.position, /^t-[-0-9a-f]+-\d@\d+$/);
}

export const linesOf = (pattern: string): string[] =>
  globSync(pattern).flatMap(path => readFileSync(path, 'utf8').split('\n').slice(0, -1));
