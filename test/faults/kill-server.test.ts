import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, loadConfig } from '../../src/config.ts';
import { connectPubsub, type PubsubConnection } from '../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../src/connectors/pubsub/resources.ts';
import { totalsOf } from '../../src/engine/counters.ts';
import { crashPoints } from '../../src/engine/crash-point.ts';
import { saveJob } from '../../src/jobs/job.ts';
import { type GivenParameters, type PreparedJob, prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { programArguments } from '../../src/program.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { configHere } from '../helpers/pubsub.ts';
import { eventually, kill, workerPid } from '../jobs/service-jobs.ts';
import { assertExactlyOnce, expectedElements, recordOf, UDF, writeRecords } from './records.ts';

const KILLS = 20;
const BATCH_JOBS = 20;
const BATCH_RECORDS = 3000;
const MESSAGES = 30_000;
const topic = 'projects/local/topics/records';
const subscription = 'projects/local/subscriptions/records';

test(`a server killed ${KILLS} times during a stream and ${BATCH_JOBS} batch jobs loses and doubles nothing`, async t => {
  const { home } = await configHere(t);
  const config = loadConfig({ SLUICE_HOME: home, SLUICE_CHECKPOINT_MS: '100' });
  const store = openStore(config);
  t.after(() => store.close());
  await writeFile(join(home, 'udf.js'), UDF);
  const udf = {
    javascriptTextTransformGcsPath: join(home, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const connection = await connectPubsub(config);
  t.after(() => connection.close());
  await createTopic(connection, topic);
  await createSubscription(connection, subscription, topic);

  const stream = await enqueue(store, config, 'Cloud_PubSub_to_GCS_Text', {
    inputSubscription: subscription,
    outputDirectory: join(home, 'stream'),
    windowDuration: '1s',
    ...udf,
  });
  writeRecords(join(home, 'in.ndjson'), BATCH_RECORDS);
  const batches: PreparedJob[] = [];
  for (let i = 0; i < BATCH_JOBS; i++)
    batches.push(
      await enqueue(store, config, 'GCS_Text_to_GCS_Text', {
        inputFilePattern: join(home, 'in.ndjson'),
        outputDirectory: join(home, `batch-${i}`),
        ...udf,
      }),
    );

  const publishing = publishRecords(connection);
  let restarts = 0;
  for (let i = 0; i < KILLS; i++) {
    const server = await startServer(t, config, i);
    await sleep(Math.random() * 800);
    server.kill('SIGKILL');
    await new Promise(resolve => server.once('exit', resolve));
    // Now and then workers die too, while nobody looks.
    if (i % 10 === 4) for (const { job } of [stream, ...batches]) kill(config, job.id);
  }
  await publishing;
  const server = await startServer(t, config, KILLS);
  for (const { job } of batches) await until(store, job.id, 'DONE');
  await eventually(
    () => readSoFar(store, stream) >= MESSAGES,
    () => `the stream has read ${readSoFar(store, stream)} of ${MESSAGES}`,
    60_000,
  );
  server.kill('SIGKILL');
  await new Promise(resolve => server.once('exit', resolve));
  // What was wished while no server ran is obeyed by the next one.
  store.transaction(() => {
    store.jobs.wish(stream.job.id, 'DRAINED');
    store.jobs.move(stream.job.id, 'DRAINING');
  });
  await startServer(t, config, KILLS);
  await until(store, stream.job.id, 'DRAINED');

  for (const [i, { job }] of batches.entries()) {
    const { result, restarts: count } = store.jobs.require(job.id);
    restarts += count;
    assert.deepEqual(result?.elements, expectedElements(BATCH_RECORDS));
    assertExactlyOnce(
      BATCH_RECORDS,
      join(home, `batch-${i}/output*`),
      join(home, `batch-${i}/errors/*.json`),
    );
  }
  const streamed = store.jobs.require(stream.job.id);
  assert.deepEqual(streamed.result?.elements, expectedElements(MESSAGES));
  assertExactlyOnce(MESSAGES, join(home, 'stream/output*'), join(home, 'stream/errors/*.json'));
  t.diagnostic(`${restarts} restarts of batch workers, ${streamed.restarts} of the stream's`);
  assert.ok(restarts + streamed.restarts > 0, 'no worker was started again');
  const left = [...batches, stream].filter(({ job }) => workerPid(config, job.id) !== undefined);
  assert.equal(left.length, 0, 'workers are left');
});

async function enqueue(
  store: Store,
  config: Config,
  templateId: string,
  parameters: GivenParameters,
): Promise<PreparedJob> {
  const prepared = await prepareJob(config, { templateId, parameters });
  await saveJob(config, prepared.job);
  store.jobs.insert(newRecord(prepared, { launchedBy: 'test', owner: 'service' }));
  return prepared;
}

/** Workers that the even ones start die at a point of their way. */
async function startServer(t: TestContext, { home }: Config, index: number): Promise<ChildProcess> {
  const point = crashPoints[(index / 2) % crashPoints.length];
  const program = programArguments(new URL('./supervisor-program.ts', import.meta.url));
  const server = spawn(process.execPath, program, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      SLUICE_HOME: home,
      SLUICE_CHECKPOINT_MS: '100',
      ...(index % 2 === 0 && index < KILLS && { SLUICE_CRASH_AT: `${point}:1` }),
    },
  });
  t.after(() => server.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve());
    server.once('exit', () => reject(new Error('the server has ended')));
  });
  return server;
}

async function publishRecords(connection: PubsubConnection): Promise<void> {
  for (let id = 0; id < MESSAGES; id += 1000) {
    const messages = Array.from({ length: 1000 }, (_, i) => ({ data: Buffer.from(recordOf(id + i)) }));
    await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
    await sleep(400);
  }
}

function readSoFar({ progress }: Store, { job, graph }: PreparedJob): number {
  return totalsOf(graph, progress.get(job.id)?.counters ?? {}).elements.read;
}

const until = (store: Store, id: string, state: string) =>
  eventually(
    () => store.jobs.require(id).state === state,
    () => `job ${id} is ${JSON.stringify(store.jobs.require(id), null, 1)}, not ${state}`,
    60_000,
  );
