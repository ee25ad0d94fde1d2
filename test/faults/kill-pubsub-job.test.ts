import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../src/config.ts';
import { connectPubsub } from '../../src/connectors/pubsub/client.ts';
import { createSubscription, createTopic } from '../../src/connectors/pubsub/resources.ts';
import { totalsOf } from '../../src/engine/counters.ts';
import { type CrashPoint, crashPoints } from '../../src/engine/crash-point.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { configHere } from '../helpers/pubsub.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type Prepared, prepareIn, startJob, wasKilled } from './launch.ts';
import { assertExactlyOnce, expectedElements, recordOf, UDF } from './records.ts';

const RECORDS = 200_000;
const KILLS = 50;
const topic = 'projects/local/topics/records';
const subscription = 'projects/local/subscriptions/records';

test(`a Pub/Sub job killed ${KILLS} times, at every step, writes each of ${RECORDS} messages exactly once`, async t => {
  const folder = await temporaryFolder(t);
  const config = await configHere(t);
  await publishRecords(config);
  await writeFile(join(folder, 'udf.js'), UDF);
  const parameters = {
    inputSubscription: subscription,
    outputDirectory: join(folder, 'out'),
    windowDuration: '1s',
    javascriptTextTransformGcsPath: join(folder, 'udf.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  const job = await prepareIn(config.home, 'Cloud_PubSub_to_GCS_Text', parameters, {
    SLUICE_CHECKPOINT_MS: '20',
  });

  const kills: Record<string, number> = {};
  let summary: JobSummary | undefined;
  const runUntil = async (crashAt?: CrashPoint) => {
    summary = await runAndDrain(job, crashAt);
    if (crashAt && wasKilled(summary)) kills[crashAt] = (kills[crashAt] ?? 0) + 1;
  };
  // Windows close as time passes, but all do when the job is drained: the kills at the files' names come last.
  const onTheWay = crashPoints.filter(point => !point.startsWith('file.'));
  for (let i = 0; i < KILLS - 4; i++) await runUntil(onTheWay[i % onTheWay.length]);
  for (let i = 0; i < 2; i++) {
    await runUntil('file.rename');
    await runUntil('file.renamed');
  }
  await runUntil();

  t.diagnostic(`kills: ${JSON.stringify(kills)}`);
  assert.ok(summary);
  assert.equal(summary.state, 'DRAINED');
  assert.equal(
    Object.values(kills).reduce((sum, each) => sum + each, 0),
    KILLS,
  );
  for (const point of crashPoints) assert.ok(kills[point], `no kill at ${point}`);
  assert.deepEqual(summary.elements, expectedElements(RECORDS));
  assertExactlyOnce(RECORDS, join(folder, 'out/output*'), join(folder, 'out/errors/*.json'));
  const left = (await readdir(join(folder, 'out'))).filter(name => name.startsWith('.'));
  assert.deepEqual(left, []);
});

/** Runs the job until its worker dies, or until everything has been read, when it is drained. */
async function runAndDrain(job: Prepared, crashAt?: CrashPoint): Promise<JobSummary> {
  const { graph } = job.prepared;
  const run = startJob(job, crashAt && `${crashAt}:1`, {
    onProgress: ({ counters }) => {
      if (totalsOf(graph, counters).elements.read >= RECORDS) run.drain();
    },
  });
  return run.ended;
}

async function publishRecords(config: Config): Promise<void> {
  const connection = await connectPubsub(config);
  await createTopic(connection, topic);
  await createSubscription(connection, subscription, topic);
  for (let id = 0; id < RECORDS; id += 1000) {
    const messages = Array.from({ length: 1000 }, (_, i) => ({ data: Buffer.from(recordOf(id + i)) }));
    await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
  }
  await connection.close();
}
