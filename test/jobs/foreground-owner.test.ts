import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { enter, giveUp, isUnderWay, orphaned, takeUp } from '../../src/jobs/foreground-owner.ts';
import { saveJob } from '../../src/jobs/job.ts';
import { prepareJob } from '../../src/launch/prepare.ts';
import { newRecord } from '../../src/launch/record.ts';
import type { JobRecord } from '../../src/store/record.ts';
import { openStore } from '../../src/store/store.ts';
import { identify } from '../../src/worker/identity.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { aRecord } from '../store/a-record.ts';

async function homeIn(t: TestContext) {
  const config = loadConfig({ SLUICE_HOME: await temporaryFolder(t) });
  const store = openStore(config);
  t.after(() => store.close());
  return { config, store };
}

/** A process that does nothing, and what it is known by. */
async function aProcess(t: TestContext) {
  const child = spawn('sleep', ['60']);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const end = async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  };
  return { pid, pidStart: identify(pid)?.began, end };
}

const foreground = (changed: Partial<JobRecord>): JobRecord =>
  aRecord({ owner: 'foreground', state: 'PENDING', ...changed });

test('jobs of a process that has gone have failed, with the advice to resume them; all others stay', async t => {
  const home = await homeIn(t);
  const { jobs, messages } = home.store;
  const { pid, pidStart, end } = await aProcess(t);
  const ours = aRecord();
  enter(home.store, ours);
  const service = aRecord({ state: 'RUNNING' });
  const theirs = foreground({ pid, pidStart });
  const reused = foreground({ pid, pidStart: '1' });
  for (const record of [service, theirs, reused]) jobs.insert(record);
  jobs.move(theirs.id, 'RUNNING');
  assert.deepEqual(
    (await orphaned(home)).map(({ id }) => id),
    [reused.id],
  );
  await end();
  const [failed, ...more] = await orphaned(home);
  assert.deepEqual(more, []);
  const message = `process ${pid}, which ran the job, has ended: \`sluice resume ${theirs.id}\` goes on with it`;
  assert.partialDeepStrictEqual(failed, {
    id: theirs.id,
    state: 'FAILED',
    result: { outputs: [], error: { code: 'WORKER_LOST', message } },
  });
  assert.deepEqual(jobs.get(theirs.id), failed);
  assert.deepEqual(
    messages.list(theirs.id, {}, 10).items.map(({ severity, text }) => [severity, text]),
    [['ERROR', message]],
  );
  assert.deepEqual(
    [ours.id, service.id].map(id => jobs.require(id).state),
    ['PENDING', 'RUNNING'],
  );
  assert.deepEqual(await orphaned(home), []);
});

test('a program whose process has gone is not to be resumed; what was to be cancelled is', async t => {
  const home = await homeIn(t);
  const { jobs, messages } = home.store;
  const container: JobRecord['container'] = {
    image: 'words:1',
    imageId: `sha256:${'1'.repeat(64)}`,
    isProgram: true,
    limits: { memoryBytes: 1 << 30, cpus: 1, pids: 512 },
    network: 'none',
  };
  const program = foreground({ pid: 4_000_000, container });
  const cancelled = foreground({ pid: 4_000_000, container });
  for (const record of [program, cancelled]) jobs.insert(record);
  jobs.wish(cancelled.id, 'CANCELLED');
  jobs.move(cancelled.id, 'CANCELLING');
  await orphaned(home);
  const { state, result } = jobs.require(program.id);
  assert.equal(state, 'FAILED');
  assert.equal(
    result?.error?.message,
    'process 4000000, which ran the job, has ended: its program is stopped, and not started again, since it might do twice what it has done: launch it anew',
  );
  const after = jobs.require(cancelled.id);
  assert.equal(after.state, 'CANCELLED');
  assert.equal(after.result?.error, undefined);
  assert.deepEqual(messages.list(cancelled.id, {}, 10).items, []);
});

test('what such a job had come to is worked out of what it noted last', async t => {
  const home = await homeIn(t);
  const { config, store } = home;
  const parameters = { inputFilePattern: '/in', outputDirectory: '/out' };
  const prepared = await prepareJob(config, { templateId: 'GCS_Text_to_GCS_Text', parameters });
  await saveJob(config, prepared.job);
  const { id } = prepared.job;
  const source = prepared.graph.nodes.find(({ component }) => component.kind === 'source')?.id ?? '';
  store.jobs.insert({ ...newRecord(prepared, { launchedBy: 'local', owner: 'foreground' }), pid: 4_000_000 });
  const none = {
    in: 0,
    named: {},
    filtered: 0,
    failed: 0,
    created: 0,
    merged: 0,
    late: 0,
    bytesIn: 0,
    errors: {},
  };
  store.progress.save(id, { counters: { [source]: { ...none, out: 7, bytesOut: 70 } }, time: Date.now() });
  const [failed] = await orphaned(home);
  assert.deepEqual(failed?.result?.elements, { read: 7, written: 0, filtered: 0, deadLettered: 0 });
  assert.equal(failed?.result?.bytes.read, 70);
});

test('a job is taken up by one process: not while another has it, nor the server, nor after its end', async t => {
  const { store } = await homeIn(t);
  const { pid, pidStart, end } = await aProcess(t);
  const record = foreground({ pid, pidStart });
  store.jobs.insert(record);
  assert.throws(() => takeUp(store, record), {
    code: 'JOB_NOT_RESUMABLE',
    message: `job ${record.id} is being run by process ${pid}`,
  });
  await end();
  takeUp(store, record);
  assert.partialDeepStrictEqual(store.jobs.require(record.id), { state: 'PENDING', pid: process.pid });
  assert.ok(isUnderWay(store.jobs.require(record.id)));
  const served = aRecord();
  store.jobs.insert(served);
  assert.throws(() => takeUp(store, served), /is being run by the server/);
  store.jobs.move(served.id, 'FAILED');
  takeUp(store, served);
  assert.equal(store.jobs.require(served.id).owner, 'foreground');
  store.jobs.move(served.id, 'CANCELLED');
  assert.throws(() => takeUp(store, served), /is CANCELLED: there is nothing to resume/);
});

test('a job that never came into the store is entered when it is resumed', async t => {
  const { store } = await homeIn(t);
  const record = aRecord();
  takeUp(store, record);
  assert.partialDeepStrictEqual(store.jobs.require(record.id), { owner: 'foreground', pid: process.pid });
});

test('a replay that was given up is not resumed; one under way is not given up', async t => {
  const { store } = await homeIn(t);
  const { pid, pidStart, end } = await aProcess(t);
  const record = foreground({ pid, pidStart });
  store.jobs.insert(record);
  assert.throws(() => giveUp(store, record.id), { code: 'REPLAY_REFUSED', message: /is under way/ });
  await end();
  giveUp(store, record.id);
  assert.equal(store.jobs.require(record.id).state, 'FAILED');
  assert.throws(() => takeUp(store, record), /was given up: a later replay has taken its letters/);
});
