import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JobRecord } from '../../src/store/record.ts';
import { jobStates } from '../../src/store/states.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { aRecord } from './a-record.ts';

async function storeIn(t: TestContext) {
  const store = openStore({ home: await temporaryFolder(t) });
  t.after(() => store.close());
  return store;
}

test('a record is given as it was taken in, and knows when it ran and ended', async t => {
  const { jobs } = await storeIn(t);
  const record = aRecord({ parameters: { inputFilePattern: '/ünï' }, labels: { team: 'a' } });
  jobs.insert(record);
  assert.deepEqual(jobs.get(record.id), record);
  assert.equal(jobs.move(record.id, 'PENDING')?.startTime, undefined);
  const running = jobs.move(record.id, 'RUNNING');
  assert.equal(running?.startTime, running?.stateTime);
  const result = {
    elements: { read: 1, written: 1, filtered: 0, deadLettered: 0 },
    bytes: { read: 2, written: 2 },
    seconds: 1,
    outputs: ['/out'],
  };
  const done = jobs.move(record.id, 'DONE', { result });
  assert.equal(done?.endTime, done?.stateTime);
  assert.equal(done?.startTime, running?.startTime);
  assert.deepEqual(jobs.require(record.id), done);
  assert.deepEqual(done?.result, result);
});

test('an unknown job is told as one', async t => {
  const { jobs } = await storeIn(t);
  assert.equal(jobs.get('nobody'), undefined);
  for (const call of [
    () => jobs.require('nobody'),
    () => jobs.change('nobody', { restarts: 1 }),
    () => jobs.move('nobody', 'RUNNING'),
    () => jobs.wish('nobody', 'CANCELLED'),
    () => jobs.reopen('nobody', 'QUEUED', 'service'),
  ])
    assert.throws(call, { code: 'JOB_NOT_FOUND', message: /nobody/ });
});

test('a late event changes nothing', async t => {
  const { jobs } = await storeIn(t);
  const { id } = taken(jobs);
  jobs.move(id, 'CANCELLED');
  const before = jobs.get(id);
  for (const state of jobStates) assert.equal(jobs.move(id, state), undefined);
  assert.deepEqual(jobs.get(id), before);
});

test('a job that is to be cancelled begins no more, and what it then tells of its end is that it was cancelled', async t => {
  const { jobs } = await storeIn(t);
  for (const told of ['DONE', 'DRAINED', 'UPDATED'] as const) {
    const { id } = taken(jobs);
    jobs.move(id, 'PENDING');
    jobs.wish(id, 'CANCELLED');
    assert.equal(jobs.move(id, 'RUNNING'), undefined);
    assert.equal(jobs.move(id, 'DRAINING'), undefined);
    assert.equal(jobs.require(id).state, 'PENDING');
    assert.equal(jobs.move(id, told)?.state, 'CANCELLED');
  }
});

test('a cancel overtakes other wishes and is overtaken by none; who has ended wishes nothing', async t => {
  const { jobs } = await storeIn(t);
  const { id } = taken(jobs);
  assert.equal(jobs.wish(id, 'DRAINED').wish, 'DRAINED');
  assert.equal(jobs.wish(id, 'CANCELLED').wish, 'CANCELLED');
  assert.equal(jobs.wish(id, 'DRAINED').wish, 'CANCELLED');
  assert.equal(jobs.wish(id, 'UPDATED').wish, 'CANCELLED');
  const ended = taken(jobs);
  jobs.move(ended.id, 'FAILED');
  assert.equal(jobs.wish(ended.id, 'CANCELLED').wish, undefined);
});

test('of the active jobs of a project and location one has a name, and gives it up at its end', async t => {
  const { jobs } = await storeIn(t);
  const first = taken(jobs, { name: 'nightly' });
  const refused = { code: 'JOB_NAME_TAKEN', message: 'There is already an active job named nightly.' };
  assert.throws(() => jobs.insert(aRecord({ name: 'nightly' })), refused);
  taken(jobs, { name: 'nightly', location: 'europe-west1' });
  taken(jobs, { name: 'nightly', projectId: 'other' });
  assert.equal(jobs.named(first)?.id, first.id);
  jobs.move(first.id, 'FAILED');
  assert.equal(jobs.named(first), undefined);
  const second = taken(jobs, { name: 'nightly' });
  // The first would take it up again.
  assert.throws(() => jobs.reopen(first.id, 'QUEUED', 'service'), refused);
  assert.equal(jobs.require(first.id).state, 'FAILED');
  jobs.move(second.id, 'CANCELLED');
  assert.equal(jobs.reopen(first.id, 'QUEUED', 'service').state, 'QUEUED');
  assert.equal(jobs.named(first)?.id, first.id);
});

test('who makes room for a successor gives up the name, also when it is cancelled meanwhile', async t => {
  const { jobs } = await storeIn(t);
  const old = taken(jobs, { name: 'stream', streaming: true });
  jobs.wish(old.id, 'UPDATED');
  const successor = taken(jobs, { name: 'stream', replaces: old.id });
  assert.throws(() => jobs.change(old.id, { wish: undefined }), { code: 'JOB_NAME_TAKEN' });
  jobs.change(old.id, { replacedBy: successor.id });
  assert.equal(jobs.wish(old.id, 'CANCELLED').wish, 'CANCELLED');
  assert.equal(jobs.named(old)?.id, successor.id);
});

test('of two that would replace a job the slower one is told which one does, so that it tries again', async t => {
  const { jobs } = await storeIn(t);
  const old = taken(jobs, { name: 'stream', streaming: true });
  jobs.move(old.id, 'PENDING');
  jobs.move(old.id, 'RUNNING');
  const first = aRecord({ name: 'stream', replaces: old.id });
  jobs.replace(old.id, first);
  assert.throws(() => jobs.replace(old.id, aRecord({ name: 'stream', replaces: old.id })), {
    code: 'JOB_NOT_FOUND',
    message: `There is no active job named stream in RUNNING OR DRAINING state. Job ${first.id} is QUEUED, an update of job ${old.id} that has not begun: try again when it is RUNNING.`,
  });
  assert.equal(jobs.require(old.id).replacedBy, first.id);
});

test('only what has failed is taken up again, and without what it came to', async t => {
  const { jobs } = await storeIn(t);
  for (const state of ['DONE', 'CANCELLED'] as const) {
    const { id } = taken(jobs);
    jobs.move(id, 'PENDING');
    jobs.move(id, 'RUNNING');
    jobs.move(id, state);
    assert.throws(() => jobs.reopen(id, 'QUEUED', 'service'), {
      code: 'JOB_NOT_RESUMABLE',
      message: new RegExp(`is ${state}: there is nothing to resume`),
    });
  }
  const { id } = taken(jobs);
  assert.throws(() => jobs.reopen(id, 'QUEUED', 'service'), { code: 'JOB_NOT_RESUMABLE' });
  jobs.wish(id, 'DRAINED');
  jobs.move(id, 'FAILED');
  const again = jobs.reopen(id, 'RUNNING', 'foreground', { pid: 7, pidStart: '8' });
  assert.partialDeepStrictEqual(again, { state: 'RUNNING', owner: 'foreground', pid: 7, pidStart: '8' });
  assert.deepEqual([again.wish, again.result, again.endTime], [undefined, undefined, undefined]);
  jobs.move(id, 'FAILED');
  jobs.change(id, { givenUp: true });
  assert.throws(() => jobs.reopen(id, 'RUNNING', 'foreground'), /a later replay has taken its letters/);
  jobs.change(id, { givenUp: undefined, removedTime: new Date().toISOString() });
  assert.throws(() => jobs.reopen(id, 'RUNNING', 'foreground'), /what it needs to go on was removed/);
});

test('of two replays with one number the second is refused, and nothing of it stays', async t => {
  const { jobs } = await storeIn(t);
  const { id: root } = taken(jobs);
  const first = taken(jobs, { replayOf: root, replay: { root, number: 0 } });
  const late = aRecord({ replayOf: root, replay: { root, number: 0 } });
  assert.throws(() => jobs.insert(late), { code: 'REPLAY_REFUSED' });
  assert.equal(jobs.get(late.id), undefined);
  const second = taken(jobs, { replayOf: first.id, replay: { root, number: 1 } });
  assert.deepEqual(jobs.replaysOf(root), [first.id, second.id]);
  assert.deepEqual(jobs.replaysOf(first.id), []);
});

test('the active jobs of an owner come in the order in which they were launched', async t => {
  const { jobs } = await storeIn(t);
  const createTime = new Date().toISOString();
  const ids = Array.from({ length: 20 }, () => taken(jobs, { createTime }).id);
  taken(jobs, { owner: 'foreground' });
  jobs.move(ids.shift() ?? '', 'CANCELLED');
  assert.deepEqual(
    jobs.active('service').map(({ id }) => id),
    ids,
  );
});

test('what is done in a transaction is kept as a whole or not at all', async t => {
  const { jobs, transaction } = await storeIn(t);
  const { id } = taken(jobs);
  const other = aRecord();
  assert.throws(
    () =>
      transaction(() => {
        jobs.wish(id, 'DRAINED');
        jobs.insert(other);
        jobs.move('nobody', 'RUNNING');
      }),
    { code: 'JOB_NOT_FOUND' },
  );
  assert.equal(jobs.require(id).wish, undefined);
  assert.equal(jobs.get(other.id), undefined);
  transaction(() => {
    jobs.wish(id, 'DRAINED');
    jobs.insert(other);
  });
  assert.equal(jobs.require(id).wish, 'DRAINED');
  assert.deepEqual(jobs.get(other.id), other);
});

function taken(jobs: ReturnType<typeof openStore>['jobs'], changed: Partial<JobRecord> = {}): JobRecord {
  const record = aRecord(changed);
  jobs.insert(record);
  return record;
}
