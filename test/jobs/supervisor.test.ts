import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSupervisor } from '../../src/jobs/supervisor.ts';
import { assertExactlyOnce, expectedElements } from '../faults/records.ts';
import { batchIn, eventually, openBench, streamOf, workerPid } from './service-jobs.ts';

const RECORDS = 2000;

test('a batch job goes from the queue to its end, and everything told of it is in the store', async t => {
  const bench = await openBench(t);
  const told: string[] = [];
  bench.supervisor.subscribe(event => {
    if (event.type === 'state') {
      assert.equal(bench.store.jobs.require(event.job.id).state, event.job.state);
      told.push(event.job.state);
    } else told.push(event.type);
  });
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, RECORDS));
  const { result, startTime, endTime, restarts } = await bench.until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS));
  assert.equal(result?.errors?.UDF_THREW, expectedElements(RECORDS).deadLettered);
  assert.ok(result.outputs.some(path => path.startsWith(join(bench.folder, 'out/output'))));
  assert.ok(startTime && endTime && restarts === 0);
  assert.deepEqual(
    told.filter(each => each === each.toUpperCase()),
    ['QUEUED', 'PENDING', 'RUNNING', 'DONE'],
  );
  assert.ok(told.includes('progress') && told.includes('message'));
  assert.deepEqual(bench.messages(id), [
    'running with 1 worker',
    'DONE: read 2000, written 1558, filtered 286, dead-lettered 156',
  ]);
  assert.ok(bench.store.progress.get(id)?.counters);
  await eventually(() => bench.supervisor.load().running === 0);
});

test('several workers share a job, and it runs once all of them run', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, RECORDS), 2);
  const { result } = await bench.until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(RECORDS));
  assertExactlyOnce(RECORDS, join(bench.folder, 'out/output*'), join(bench.folder, 'out/errors/*.json'));
  assert.equal(bench.messages(id)[0], 'running with 2 workers');
});

test('jobs beyond the limit wait in the order of their creation, and one that waits is stopped at once', async t => {
  const bench = await openBench(t, { maxJobs: 1 });
  const stream = await streamOf(bench.folder);
  const first = await bench.launch('Streaming_Data_Generator', stream);
  const second = await bench.launch('Streaming_Data_Generator', stream);
  const third = await bench.launch('Streaming_Data_Generator', stream);
  const fourth = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, 10));
  await bench.until(first.id, 'RUNNING');
  assert.deepEqual(bench.supervisor.load(), { queued: 3, running: 1 });
  assert.equal((await bench.supervisor.stop(second.id, 'CANCELLED')).state, 'CANCELLED');
  assert.equal((await bench.supervisor.stop(third.id, 'DRAINED')).state, 'CANCELLED');
  assert.deepEqual(bench.messages(third.id), ['stopped before it was started']);
  await bench.reopen();
  assert.equal(bench.store.jobs.require(fourth.id).state, 'QUEUED');
  assert.deepEqual(bench.supervisor.load(), { queued: 1, running: 1 });
  await bench.supervisor.stop(first.id, 'CANCELLED');
  await bench.until(fourth.id, 'DONE');
  assert.equal(bench.store.jobs.require(first.id).state, 'CANCELLED');
});

test('a stream drains: asking twice is no error, a cancel comes before, and afterwards it has terminated', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  await bench.until(id, 'RUNNING');
  await eventually(() => (bench.store.progress.get(id)?.watermark ?? 0) > 0);
  for (let i = 0; i < 2; i++) assert.equal((await bench.supervisor.stop(id, 'DRAINED')).state, 'DRAINING');
  const { result } = await bench.until(id, 'DRAINED', 'FAILED');
  assert.ok(result && result.elements.read > 0);
  assert.equal(result.elements.read, result.elements.written);
  const lines = result.outputs.flatMap(path => readFileSync(path, 'utf8').trimEnd().split('\n'));
  assert.equal(lines.length, result.elements.written);
  for (const wish of ['DRAINED', 'CANCELLED'] as const)
    await assert.rejects(bench.supervisor.stop(id, wish), {
      code: 'JOB_ENDED',
      message: `Job has terminated: ${id} is DRAINED`,
    });
});

test('a cancelled job stays cancelled, whatever is asked of it afterwards', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  await bench.until(id, 'RUNNING');
  const [cancelled, drained] = await Promise.all([
    bench.supervisor.stop(id, 'CANCELLED'),
    bench.supervisor.stop(id, 'DRAINED'),
  ]);
  assert.deepEqual([cancelled.state, drained.state], ['CANCELLING', 'CANCELLING']);
  const { result } = await bench.until(id, 'CANCELLED', 'FAILED', 'DRAINED');
  assert.equal(result?.error, undefined);
  assert.equal(workerPid(bench.config, id), undefined);
});

test('a batch job is not drained, and a job that is not there is not stopped', async t => {
  const bench = await openBench(t, { maxJobs: 0 });
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, 10));
  await assert.rejects(bench.supervisor.stop(id, 'DRAINED'), { code: 'JOB_NOT_DRAINABLE' });
  assert.equal(bench.store.jobs.require(id).wish, undefined);
  await assert.rejects(bench.supervisor.stop('2026-01-01_00_00_00-1', 'CANCELLED'), {
    code: 'JOB_NOT_FOUND',
  });
});

test('of two jobs of one name the second leaves nothing behind', async t => {
  const bench = await openBench(t, { maxJobs: 0 });
  const parameters = await batchIn(bench.folder, 10);
  const { name } = await bench.launch('GCS_Text_to_GCS_Text', parameters);
  const { store, supervisor } = bench;
  const taken = {
    ...store.jobs.require((await bench.launch('GCS_Text_to_GCS_Text', parameters)).id),
    id: 'other',
    name,
  };
  const job = { id: 'other', createTime: '', streaming: false, workers: 1, pipeline: {} };
  await assert.rejects(supervisor.launch(job, taken), { code: 'JOB_NAME_TAKEN' });
  assert.equal(store.jobs.get('other'), undefined);
  assert.throws(() => readFileSync(join(bench.config.home, 'jobs/other/job.json')), { code: 'ENOENT' });
});

test('a second server on the same home is refused by name', async t => {
  const { config, store, reopen } = await openBench(t);
  await assert.rejects(openSupervisor({ config, store, maxJobs: 1 }), {
    code: 'HOME_IN_USE',
    message: `a server (process ${process.pid}) runs on ${config.home} already: stop it, or set SLUICE_HOME`,
  });
  await reopen();
});

test('closing with a drain ends the streams, and leaves the others to go on', async t => {
  const bench = await openBench(t, { maxJobs: 2 });
  const stream = await streamOf(bench.folder);
  const first = await bench.launch('Streaming_Data_Generator', stream);
  await bench.until(first.id, 'RUNNING');
  const waiting = await bench.launch('Streaming_Data_Generator', {
    ...stream,
    outputDirectory: join(bench.folder, 'b'),
  });
  await bench.until(waiting.id, 'RUNNING');
  const third = await bench.launch('Streaming_Data_Generator', stream);
  await bench.supervisor.close({ drain: true });
  const states = [first, waiting, third].map(({ id }) => bench.store.jobs.require(id).state);
  assert.deepEqual(states, ['DRAINED', 'DRAINED', 'QUEUED']);
  await bench.reopen();
  await bench.until(third.id, 'RUNNING');
});
