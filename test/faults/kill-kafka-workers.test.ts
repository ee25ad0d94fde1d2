import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { saveJob } from '../../src/jobs/job.ts';
import { waitFor } from '../helpers/kafka.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { missing } from '../services/index.ts';
import {
  assertDeadLetters,
  assertIds,
  type Case,
  ELEMENTS,
  fill,
  goodIds,
  prepareCase,
  RECORDS,
  sharedBroker,
  untilAllRead,
} from '../templates/kafka-jobs.ts';
import { wasKilled } from './launch.ts';

const KILLS = 3;
const broker = sharedBroker();

test('three workers share the partitions of a topic, and any of them may be killed without loss or doubles', {
  skip: missing('kafka'),
}, async t => {
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
    { SLUICE_CHECKPOINT_MS: '50' },
  );
  const { config, prepared } = run.job;
  prepared.job.workers = 3;
  await saveJob(config, prepared.job);

  const share = RECORDS / (KILLS + 1);
  for (let i = 0; i < KILLS; i++) {
    await fill(topics, run.input, i * share, (i + 1) * share);
    let read = 0;
    const running = untilAllRead(run, undefined, count => {
      read = count;
    });
    // Some of this share have been read, and are on their way.
    await waitFor(() => read > i * share, 'records of this share');
    await killOneOf(run, i % 3);
    assert.ok(wasKilled(await running));
  }
  await fill(topics, run.input, RECORDS - share, RECORDS);
  const summary = await untilAllRead(run);
  assert.equal(summary.state, 'DRAINED', JSON.stringify(summary.error));
  assert.deepEqual(summary.elements, ELEMENTS);
  assertIds(
    (await topics.readAll(output)).map(({ value }) => value ?? ''),
    goodIds(),
  );
  assertDeadLetters(join(run.folder, 'errors/error-*.json'));
});

async function killOneOf({ folder }: Case, index: number): Promise<void> {
  const workers = descendantsOf(process.pid).filter(pid => {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes('worker/main') && command.includes(folder);
  });
  assert.equal(workers.length, 3, `${workers.length} workers`);
  process.kill(workers[index] ?? 0, 'SIGKILL');
}
