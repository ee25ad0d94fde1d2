import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type GivenParameters, prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import { checkUpdate, updateJob } from '../../src/service/update.ts';
import type { JobRecord } from '../../src/store/record.ts';
import { type Bench, eventually, kill, openBench, streamOf, workerPid } from '../jobs/service-jobs.ts';

const template = 'Streaming_Data_Generator';

async function prepared({ config }: Bench, parameters: GivenParameters, more: { numWorkers?: number } = {}) {
  const job = await prepareJob(config, { templateId: template, parameters, ...more });
  return { job, record: newRecord(job, { name: 'stream', launchedBy: 'test', owner: 'service' }) };
}

/** A stream that runs; each of its windows is open for an hour. */
async function runningStream(t: TestContext) {
  const bench = await openBench(t);
  const parameters = { ...(await streamOf(bench.folder)), windowDuration: '1h' };
  const { job, record } = await prepared(bench, parameters);
  const { id } = await bench.supervisor.launch(job.job, record);
  await bench.until(id, 'RUNNING');
  return { bench, parameters, id };
}

/** Its update, while its worker stands still: it waits. */
async function waitingUpdate(t: TestContext) {
  const stream = await runningStream(t);
  const { bench, parameters, id } = stream;
  const pid = workerPid(bench.config, id) ?? 0;
  process.kill(pid, 'SIGSTOP');
  const { job, record } = await prepared(bench, parameters);
  const successor = await updateJob(bench, job, record);
  assert.equal(successor.state, 'QUEUED');
  return { ...stream, successor: successor.id, goOn: () => process.kill(pid, 'SIGCONT') };
}

const writtenIn = ({ folder }: Bench): number =>
  globSync(join(folder, 'out/output*')).reduce(
    (sum, path) => sum + readFileSync(path, 'utf8').split('\n').length - 1,
    0,
  );

const stagedIn = async ({ folder }: Bench): Promise<string[]> =>
  (await readdir(join(folder, 'out')).catch(() => [])).filter(name => name.startsWith('.'));

const totalOf = (...records: JobRecord[]): number =>
  records.reduce((sum, { result }) => sum + (result?.elements.written ?? 0), 0);

test('a job that is drained before it has begun begins, and closes what it takes over', async t => {
  const { bench, id, successor, goOn } = await waitingUpdate(t);
  assert.equal((await bench.supervisor.stop(successor, 'DRAINED')).wish, 'DRAINED');
  goOn();
  const before = await bench.until(id, 'UPDATED', 'FAILED');
  const after = await bench.until(successor, 'DRAINED', 'FAILED', 'CANCELLED');
  assert.deepEqual([before.state, after.state], ['UPDATED', 'DRAINED']);
  assert.ok(totalOf(before) > 0);
  assert.equal(writtenIn(bench), totalOf(before, after));
  assert.deepEqual(await stagedIn(bench), []);
});

test('a job that is cancelled before it has begun cleans up what it takes over', async t => {
  const { bench, id, successor, goOn } = await waitingUpdate(t);
  assert.equal((await bench.supervisor.stop(successor, 'CANCELLED')).state, 'CANCELLING');
  goOn();
  await bench.until(id, 'UPDATED', 'FAILED');
  await bench.until(successor, 'CANCELLED', 'FAILED');
  assert.equal(writtenIn(bench), 0);
  assert.deepEqual(await stagedIn(bench), []);
});

test('a job that is being replaced cannot be drained; cancelled, it takes its successor along', async t => {
  const { bench, id, successor, goOn } = await waitingUpdate(t);
  await assert.rejects(bench.supervisor.stop(id, 'DRAINED'), {
    code: 'JOB_NOT_DRAINABLE',
    message: `${id} is handing over to job ${successor}: drain that one`,
  });
  await bench.supervisor.stop(id, 'CANCELLED');
  goOn();
  const before = await bench.until(id, 'CANCELLED', 'UPDATED', 'FAILED');
  assert.equal(before.state, 'CANCELLED');
  const { result } = await bench.until(successor, 'FAILED', 'RUNNING');
  assert.deepEqual(result?.error, {
    code: 'UPDATE_REFUSED',
    message: `job ${id}, which this one was to take over from, ended before it could hand over: it is CANCELLED`,
  });
  assert.equal(bench.store.jobs.require(id).replacedBy, undefined);
  assert.equal(bench.store.jobs.named(before), undefined, 'the name is free');
});

test('a worker that dies while it hands over does so when it is started again', async t => {
  const { bench, id, successor } = await waitingUpdate(t);
  kill(bench.config, id);
  const before = await bench.until(id, 'UPDATED', 'FAILED');
  assert.equal(before.restarts, 1);
  await bench.until(successor, 'RUNNING', 'FAILED');
  await bench.supervisor.stop(successor, 'DRAINED');
  const after = await bench.until(successor, 'DRAINED', 'FAILED');
  assert.equal(writtenIn(bench), totalOf(before, after));
});

test('a server that is started again goes on with the update, and with what was asked meanwhile', async t => {
  const { bench, id, successor, goOn } = await waitingUpdate(t);
  await bench.reopen();
  assert.equal(bench.store.jobs.require(successor).state, 'QUEUED');
  await bench.supervisor.stop(successor, 'CANCELLED');
  await bench.reopen();
  assert.equal(bench.store.jobs.require(successor).state, 'CANCELLING');
  goOn();
  await bench.until(id, 'UPDATED', 'FAILED');
  await bench.until(successor, 'CANCELLED', 'FAILED');
  assert.deepEqual(await stagedIn(bench), []);
});

test('it takes the place of the job it replaces, before those that wait', async t => {
  const bench = await openBench(t, { maxJobs: 1 });
  const parameters = await streamOf(bench.folder);
  const { job, record } = await prepared(bench, parameters);
  const { id } = await bench.supervisor.launch(job.job, record);
  await bench.until(id, 'RUNNING');
  const other = await bench.launch(template, { ...parameters, outputDirectory: join(bench.folder, 'other') });
  const update = await prepared(bench, parameters);
  const { id: successor } = await updateJob(bench, update.job, update.record);
  await bench.until(successor, 'RUNNING', 'FAILED');
  assert.equal(bench.store.jobs.require(other.id).state, 'QUEUED');
  await bench.supervisor.stop(other.id, 'CANCELLED');
  await bench.supervisor.stop(successor, 'CANCELLED');
  await bench.until(successor, 'CANCELLED');
});

test('of workers that share a stream each takes over from its own; one that is refused cleans up nothing', async t => {
  const bench = await openBench(t);
  const parameters = { ...(await streamOf(bench.folder)), windowDuration: '1h' };
  const workers = { numWorkers: 2 };
  const first = await prepared(bench, parameters, workers);
  const { id } = await bench.supervisor.launch(first.job.job, first.record);
  await bench.until(id, 'RUNNING');
  await eventually(() => (bench.store.progress.get(id)?.counters.WriteFiles?.out ?? 0) > 0);
  const second = await prepared(bench, parameters, workers);
  const { id: successor } = await updateJob(bench, second.job, second.record);
  // Its function is gone before it has begun.
  const udf = join(bench.folder, 'udf.js');
  await rename(udf, `${udf}.gone`);
  const before = await bench.until(id, 'UPDATED', 'FAILED');
  const { result } = await bench.until(successor, 'FAILED', 'RUNNING');
  assert.equal(result?.error?.code, 'UDF_NOT_FOUND');
  await rename(`${udf}.gone`, udf);
  bench.store.jobs.reopen(successor, 'QUEUED', 'service');
  await bench.reopen();
  await bench.until(successor, 'RUNNING', 'FAILED');
  await bench.supervisor.stop(successor, 'DRAINED');
  const after = await bench.until(successor, 'DRAINED', 'FAILED');
  assert.ok(totalOf(before) > 0);
  assert.equal(writtenIn(bench), totalOf(before, after));
  assert.deepEqual(await stagedIn(bench), []);
});

test('what does not fit is refused before anything is stopped', async t => {
  const { bench, parameters, id } = await runningStream(t);
  const refusal = async (more: GivenParameters, options: { numWorkers?: number; name?: string } = {}) => {
    const { job, record } = await prepared(bench, { ...parameters, ...more }, options);
    const check = checkUpdate(bench, job, { ...record, ...(options.name && { name: options.name }) });
    const error = await check.then(
      () => undefined,
      (thrown: { code: string; message: string }) => thrown,
    );
    return error && `${error.code} ${error.message}`;
  };
  const without = {
    javascriptTextTransformGcsPath: undefined,
    javascriptTextTransformFunctionName: undefined,
  };
  assert.equal(await refusal(without), undefined);
  assert.equal(
    await refusal({ outputDirectory: '/elsewhere' }),
    'UPDATE_REFUSED WriteFiles: its path is not that of the running job; otherwise drain the running job, and launch the new one',
  );
  assert.equal(
    await refusal({}, { numWorkers: 2 }),
    `UPDATE_REFUSED job ${id} has 1 workers and the new one 2: numWorkers must stay; otherwise drain the running job, and launch the new one`,
  );
  const container = {
    image: 'any:1',
    imageId: `sha256:${'0'.repeat(64)}`,
    isProgram: false,
    limits: { memoryBytes: 1 << 30, cpus: 1, pids: 100 },
    network: 'none',
  } as const;
  bench.store.jobs.change(id, { container });
  assert.match(
    (await refusal({})) ?? '',
    /^UPDATE_REFUSED job .* runs in containers, whose state no process takes over/,
  );
  bench.store.jobs.change(id, { container: undefined });
  assert.equal(
    await refusal({}, { name: 'nobody' }),
    'JOB_NOT_FOUND There is no active job named nobody in RUNNING OR DRAINING state. Launched without an update, this one would be the first.',
  );
  await bench.supervisor.stop(id, 'DRAINED');
  await bench.until(id, 'DRAINED');
});
