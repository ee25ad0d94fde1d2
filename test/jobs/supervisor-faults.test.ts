import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobFile } from '../../src/jobs/job.ts';
import { identify } from '../../src/worker/identity.ts';
import { workerDirectory } from '../../src/worker/places.ts';
import { assertExactlyOnce, expectedElements } from '../faults/records.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { type Bench, batchIn, eventually, kill, openBench, streamOf, workerPid } from './service-jobs.ts';

async function runningStream(bench: Bench): Promise<string> {
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  await bench.until(id, 'RUNNING');
  return id;
}

const pidOf = (bench: Bench, id: string): number => {
  const pid = workerPid(bench.config, id);
  assert.ok(pid);
  return pid;
};

test('a killed worker is started again from its checkpoint, with a warning', async t => {
  const bench = await openBench(t);
  const id = await runningStream(bench);
  await eventually(() => (bench.store.progress.get(id)?.watermark ?? 0) > 0);
  const before = pidOf(bench, id);
  kill(bench.config, id);
  await eventually(() => (workerPid(bench.config, id) ?? before) !== before);
  assert.equal(bench.store.jobs.require(id).state, 'RUNNING');
  assert.equal(bench.store.jobs.require(id).restarts, 1);
  const [warning] = bench.store.messages.list(id, { severities: ['WARNING'] }, 10).items;
  assert.equal(
    warning?.text,
    'worker 0 was killed by SIGKILL (WORKER_LOST); the worker is started again from its checkpoint in 0 s',
  );
  await bench.supervisor.stop(id, 'DRAINED');
  const { result } = await bench.until(id, 'DRAINED', 'FAILED');
  assert.equal(result?.elements.read, result?.elements.written);
});

test('one of two workers killed goes on where it was, and every record is there once', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, 60_000), 2);
  await eventually(() => workerPid(bench.config, id, 1));
  kill(bench.config, id, 1);
  const { result, restarts } = await bench.until(id, 'DONE', 'FAILED');
  assert.equal(restarts, 1);
  assert.deepEqual(result?.elements, expectedElements(60_000));
  assertExactlyOnce(60_000, join(bench.folder, 'out/output*'), join(bench.folder, 'out/errors/*.json'));
});

test('a worker that always crashes fails the job after five restarts, with its last words', async t => {
  const bench = await openBench(t, { firstRetryMs: 1 });
  const crash = join(bench.folder, 'crash.cjs');
  await writeFile(
    crash,
    "if (process.argv[1]?.includes('worker/main')) { console.error('out of luck'); process.exit(3); }",
  );
  process.env.NODE_OPTIONS = `--require=${crash}`;
  t.after(() => delete process.env.NODE_OPTIONS);
  const { id } = await bench.launch('Streaming_Data_Generator', await streamOf(bench.folder));
  const { result, restarts } = await bench.until(id, 'FAILED');
  assert.deepEqual(result?.error, {
    code: 'WORKER_LOST',
    message: 'worker 0 ended with status 3: out of luck',
  });
  assert.equal(restarts, 5);
  const last = bench.store.messages.list(id, { severities: ['ERROR'] }, 10).items;
  assert.deepEqual(
    last.map(({ text }) => text),
    ['worker 0 ended with status 3: out of luck'],
  );
});

test('what is refused fails at once, and all workers end', async t => {
  const bench = await openBench(t);
  const parameters = { ...(await batchIn(bench.folder, 100)), outputDirectory: '/proc/none' };
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', parameters, 2);
  const { result, restarts } = await bench.until(id, 'FAILED', 'DONE');
  assert.equal(result?.error?.code, 'OUTPUT_UNWRITABLE');
  assert.equal(restarts, 0);
  for (const index of [0, 1]) assert.equal(workerPid(bench.config, id, index), undefined);
});

test('a worker that hangs is killed when its job is cancelled', async t => {
  const bench = await openBench(t);
  const id = await runningStream(bench);
  const pid = pidOf(bench, id);
  const children = descendantsOf(pid);
  process.kill(pid, 'SIGSTOP');
  await bench.supervisor.stop(id, 'CANCELLED');
  await bench.until(id, 'CANCELLED', 'FAILED');
  await eventually(() => [pid, ...children].every(each => !identify(each)));
});

test('a drain holds although the worker, and then the server, die before they obey', async t => {
  const bench = await openBench(t);
  const id = await runningStream(bench);
  const pid = pidOf(bench, id);
  process.kill(pid, 'SIGSTOP');
  await bench.supervisor.stop(id, 'DRAINED');
  await bench.supervisor.close({ drain: false });
  process.kill(pid, 'SIGKILL');
  await bench.reopen();
  const { restarts } = await bench.until(id, 'DRAINED', 'FAILED');
  assert.equal(restarts, 1);
});

test('a worker that was alone for a while is found again, and what it told counts once', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launchPipeline([
    { type: 'GenerateFromSchema', config: { rate: 20, template: 'GAME_EVENT' } },
    { type: 'LogForTesting', config: { prefix: 'seen ' } },
    { type: 'WindowInto', config: { windowing: { type: 'fixed', size: '1s' } } },
    { type: 'WriteToText', config: { path: join(bench.folder, 'out') } },
  ]);
  await bench.until(id, 'RUNNING');
  const pid = pidOf(bench, id);
  for (let i = 0; i < 3; i++) {
    const before = bench.messages(id).length;
    await bench.reopen();
    await eventually(() => bench.messages(id).length > before);
  }
  const texts = bench.messages(id);
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(texts.filter(text => text === 'running with 1 worker').length, 1);
  assert.ok(texts.filter(text => text.startsWith('seen {')).length > 3);
  assert.equal(pidOf(bench, id), pid);
  assert.equal(bench.store.jobs.require(id).restarts, 0);
  kill(bench.config, id);
  await eventually(() => (workerPid(bench.config, id) ?? pid) !== pid);
});

test('another process that has got the id of a worker is not taken for it', async t => {
  const bench = await openBench(t);
  const id = await runningStream(bench);
  await bench.supervisor.close({ drain: false });
  kill(bench.config, id);
  const folder = workerDirectory(jobFile(bench.config, id), 0);
  await writeFile(join(folder, 'pid'), `${process.pid} 1\n`);
  await bench.reopen();
  await eventually(() => workerPid(bench.config, id));
  assert.notEqual(workerPid(bench.config, id), process.pid);
  assert.equal(bench.store.jobs.require(id).restarts, 1);
});

test('a job that ended while no server ran ends as it should, without being started again', async t => {
  const bench = await openBench(t);
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, 2000));
  await eventually(() => workerPid(bench.config, id));
  await bench.supervisor.close({ drain: false });
  await eventually(() => workerPid(bench.config, id) === undefined);
  assert.notEqual(bench.store.jobs.require(id).state, 'DONE');
  await bench.reopen();
  const { result, restarts } = await bench.until(id, 'DONE', 'FAILED');
  assert.deepEqual(result?.elements, expectedElements(2000));
  assert.equal(restarts, 0);
});

test('a job of the foreground whose process has gone is failed, with the advice to resume it', async t => {
  const bench = await openBench(t);
  const { store } = bench;
  const record = {
    ...store.jobs.require((await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, 1))).id),
  };
  store.jobs.insert({
    ...record,
    id: 'gone',
    name: 'gone',
    state: 'RUNNING',
    owner: 'foreground',
    pid: process.pid,
    pidStart: '1',
  });
  await bench.reopen();
  const { state, result } = store.jobs.require('gone');
  assert.equal(state, 'FAILED');
  assert.match(result?.error?.message ?? '', /`sluice resume gone`/);
});

test('what we cannot write is reported, and the job is taken up again a moment later', async t => {
  const faults: unknown[] = [];
  const options = { maxJobs: 0, onFault: (error: unknown, jobId?: string) => faults.push([error, jobId]) };
  const bench = await openBench(t, options);
  const { progress } = bench.store;
  const fault = new Error('the disk is full');
  const failing = {
    ...progress,
    save(...given: Parameters<typeof progress.save>) {
      if (faults.length === 0) throw fault;
      progress.save(...given);
    },
  };
  Object.assign(options, { maxJobs: 1, store: { ...bench.store, progress: failing } });
  await bench.reopen();
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', await batchIn(bench.folder, 2000));
  const { result, restarts } = await bench.until(id, 'DONE', 'FAILED');
  assert.deepEqual(faults, [[fault, id]]);
  assert.deepEqual(result?.elements, expectedElements(2000));
  assert.equal(restarts, 0);
});

test('a job whose file has gone fails, and does not keep the others waiting', async t => {
  const options = { maxJobs: 0 };
  const bench = await openBench(t, options);
  const parameters = await batchIn(bench.folder, 100);
  const { id } = await bench.launch('GCS_Text_to_GCS_Text', parameters);
  const other = await bench.launch('GCS_Text_to_GCS_Text', parameters);
  await rm(jobFile(bench.config, id));
  options.maxJobs = 1;
  await bench.reopen();
  const { result } = await bench.until(id, 'FAILED');
  assert.equal(result?.error?.code, 'JOB_NOT_FOUND');
  await bench.until(other.id, 'DONE');
});
