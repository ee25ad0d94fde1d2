import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectPubsub } from '../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../src/connectors/pubsub/resources.ts';
import { type GivenParameters, prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { updateJob } from '../../src/service/update.ts';
import type { JobRecord } from '../../src/store/record.ts';
import { atEnd } from '../helpers/at-end.ts';
import { killService } from '../helpers/pubsub.ts';
import { type Bench, eventually, openBench } from '../jobs/service-jobs.ts';

const topic = 'projects/local/topics/orders';
const subscription = 'projects/local/subscriptions/orders';
const UPDATES = 5;
const BATCH = 200;

/** Marks each record with its version, which every eleventh fails. */
const udf = (version: number) => `function mark(text) {
  const record = JSON.parse(text);
  if (record.id % 11 === 0) throw new Error('version ${version}');
  record.version = ${version};
  return JSON.stringify(record);
}`;

/** Publishes numbered records until it is stopped; gives how many there were. */
async function publishSteadily(t: TestContext, { config }: Bench): Promise<{ stop(): Promise<number> }> {
  const connection = await connectPubsub(config);
  atEnd(t, () => killService(config));
  await createTopic(connection, topic);
  await createSubscription(connection, subscription, topic);
  let stopped = false;
  const publishing = (async () => {
    let id = 0;
    for (; !stopped; id += BATCH) {
      const messages = Array.from({ length: BATCH }, (_, i) => ({
        data: Buffer.from(JSON.stringify({ id: id + i })),
      }));
      await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    await connection.close();
    return id;
  })();
  const stop = () => {
    stopped = true;
    return publishing;
  };
  atEnd(t, stop);
  return { stop };
}

async function parametersIn({ folder }: Bench, version: number): Promise<GivenParameters> {
  const path = join(folder, `udf-${version}.js`);
  await writeFile(path, udf(version));
  return {
    inputSubscription: subscription,
    outputDirectory: join(folder, 'out'),
    windowDuration: '2s',
    javascriptTextTransformGcsPath: path,
    javascriptTextTransformFunctionName: 'mark',
  };
}

async function prepared({ config }: Bench, parameters: GivenParameters) {
  const job = await prepareJob(config, { templateId: 'Cloud_PubSub_to_GCS_Text', parameters });
  return { job, record: newRecord(job, { name: 'orders', launchedBy: 'test', owner: 'service' }) };
}

async function update(bench: Bench, parameters: GivenParameters): Promise<JobRecord> {
  const { job, record } = await prepared(bench, parameters);
  return updateJob(bench, job, record);
}

/** Waits until the job runs and has read something. */
async function untilReading(bench: Bench, id: string, elements = 1): Promise<void> {
  await bench.until(id, 'RUNNING');
  await eventually(() => (bench.store.progress.get(id)?.counters.Read?.out ?? 0) >= elements);
}

const linesOf = (pattern: string): string[] =>
  globSync(pattern).flatMap(path => readFileSync(path, 'utf8').split('\n').slice(0, -1));

test(`a stream that is updated ${UPDATES} times under load has each record once, of the version of its time`, async t => {
  const bench = await openBench(t);
  const publisher = await publishSteadily(t, bench);
  const first = await prepared(bench, await parametersIn(bench, 0));
  const jobs = [await bench.supervisor.launch(first.job.job, first.record)];
  for (let version = 1; version <= UPDATES; version++) {
    const before = jobs.at(-1)?.id ?? '';
    await untilReading(bench, before);
    const after = await update(bench, await parametersIn(bench, version));
    assert.equal(after.state, 'QUEUED');
    assert.equal(after.replaces, before);
    jobs.push(after);
    assert.equal((await bench.until(before, 'UPDATED', 'FAILED')).replacedBy, after.id);
  }
  const last = jobs.at(-1)?.id ?? '';
  await untilReading(bench, last, 1000);
  const published = await publisher.stop();
  const readBy = (id: string) =>
    bench.store.jobs.require(id).result?.elements.read ??
    bench.store.progress.get(id)?.counters.Read?.out ??
    0;
  await eventually(() => jobs.reduce((sum, { id }) => sum + readBy(id), 0) >= published);
  await bench.supervisor.stop(last, 'DRAINED');
  await bench.until(last, 'DRAINED', 'FAILED');

  const ended = jobs.map(({ id }) => bench.store.jobs.require(id));
  assert.deepEqual(
    ended.map(({ state }) => state),
    [...Array(UPDATES).fill('UPDATED'), 'DRAINED'],
  );
  const written = linesOf(join(bench.folder, 'out/output*')).map(line => JSON.parse(line));
  const failed = linesOf(join(bench.folder, 'out/errors/*')).map(line => JSON.parse(line));
  const ids = [...written.map(({ id }) => id), ...failed.map(({ payload }) => JSON.parse(payload).id)];
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    Array.from({ length: published }, (_, id) => id),
  );
  for (const [version, { id, result }] of ended.entries()) {
    const elements = {
      written: written.filter(each => each.version === version).length,
      deadLettered: failed.filter(each => each.job === id && each.message.includes(`version ${version}`))
        .length,
    };
    assert.partialDeepStrictEqual(result?.elements, elements);
    assert.equal(result?.elements.read, elements.written + elements.deadLettered);
    assert.ok(elements.written > 0, `version ${version} has written nothing`);
  }
  assert.deepEqual(
    (await readdir(join(bench.folder, 'out'))).filter(name => name.startsWith('.')),
    [],
  );
  const pausesMs = ended
    .slice(1)
    .map(({ startTime = '' }, i) => Date.parse(startTime) - Date.parse(ended[i]?.endTime ?? ''));
  t.diagnostic(`${published} records: ${ended.map(({ result }) => result?.elements.read)}`);
  t.diagnostic(`ms from the end of one to the start of the next: ${pausesMs}`);
});
