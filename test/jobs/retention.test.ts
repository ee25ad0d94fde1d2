import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { jobDirectory } from '../../src/config.ts';
import { sweep } from '../../src/jobs/retention.ts';
import type { JobRecord } from '../../src/store/record.ts';
import type { JobState } from '../../src/store/states.ts';
import { type JobHome, openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { aRecord } from '../store/a-record.ts';

const DAY = 24 * 3600 * 1000;
const KB = 1024;
const KEEP_ALL = { maxAgeMs: 1000 * DAY, maxBytes: 1 << 30 };

interface Made {
  id: string;
  folder: string;
}

async function homeIn(t: TestContext): Promise<JobHome> {
  const home = await temporaryFolder(t);
  const store = openStore({ home });
  t.after(() => store.close());
  return { config: { home } as JobHome['config'], store };
}

/** A job of 10 KB, with a message and progress, that has come to this state. */
async function made(
  { config, store }: JobHome,
  state: JobState,
  changed: Partial<JobRecord> = {},
): Promise<Made> {
  const record = aRecord(changed);
  const { id } = record;
  const folder = jobDirectory(config, id);
  const worker = join(folder, 'workers', '0');
  await mkdir(worker, { recursive: true });
  await writeFile(join(folder, 'job.json'), Buffer.alloc(4 * KB));
  await writeFile(join(worker, 'checkpoint.json'), Buffer.alloc(6 * KB));
  store.jobs.insert(record);
  store.messages.add([{ jobId: id, time: 1, severity: 'INFO', text: 'said' }]);
  store.progress.save(id, { counters: {}, time: 1 });
  const ways: Partial<Record<JobState, JobState[]>> = {
    RUNNING: ['PENDING', 'RUNNING'],
    DONE: ['PENDING', 'RUNNING', 'DONE'],
    UPDATED: ['PENDING', 'RUNNING', 'UPDATED'],
    FAILED: ['FAILED'],
  };
  for (const each of ways[state] ?? []) store.jobs.move(id, each);
  assert.equal(store.jobs.require(id).state, state);
  await tick();
  return { id, folder };
}

/** Until the clock shows another millisecond, so that ends have an order. */
async function tick(): Promise<void> {
  for (const now = Date.now(); Date.now() === now; ) await new Promise(setImmediate);
}

function assertKept({ store }: JobHome, { id, folder }: Made): void {
  assert.ok(existsSync(join(folder, 'workers/0/checkpoint.json')));
  assert.equal(store.jobs.require(id).removedTime, undefined);
  assert.equal(store.messages.list(id, {}, 10).items.length, 1);
  assert.ok(store.progress.get(id));
}

function assertRemoved({ store }: JobHome, { id, folder }: Made): void {
  assert.ok(!existsSync(folder));
  assert.ok(store.jobs.require(id).removedTime);
  assert.equal(store.messages.list(id, {}, 10).items.length, 0);
  assert.equal(store.progress.get(id), undefined);
}

test('what ended too long ago is removed but for its record, also what has failed; active jobs stay', async t => {
  const home = await homeIn(t);
  const ended = [await made(home, 'DONE'), await made(home, 'FAILED')];
  const active = [await made(home, 'QUEUED'), await made(home, 'RUNNING')];
  const now = Date.now();
  const early = await sweep(home, { ...KEEP_ALL, maxAgeMs: DAY, now: now + DAY - 60_000 });
  assert.deepEqual(early, { removed: [], bytes: 40 * KB });
  const records = ended.map(({ id }) => home.store.jobs.require(id));
  const swept = await sweep(home, { ...KEEP_ALL, maxAgeMs: DAY, now: now + DAY + 60_000 });
  assert.deepEqual(swept, { removed: ended.map(({ id }) => id), bytes: 20 * KB });
  for (const each of ended) assertRemoved(home, each);
  for (const each of active) assertKept(home, each);
  const removedTime = new Date(now + DAY + 60_000).toISOString();
  assert.deepEqual(
    ended.map(({ id }) => home.store.jobs.require(id)),
    records.map(record => ({ ...record, removedTime })),
  );
  assert.throws(() => home.store.jobs.reopen(ended[1]?.id ?? '', 'QUEUED', 'service'), {
    code: 'JOB_NOT_RESUMABLE',
  });
  assert.deepEqual((await sweep(home, { ...KEEP_ALL, maxAgeMs: DAY, now: now + 2 * DAY })).removed, []);
});

test('what is too much is removed from the oldest on, until it fits; what can be resumed stays', async t => {
  const home = await homeIn(t);
  const failed = await made(home, 'FAILED');
  const done = [await made(home, 'DONE'), await made(home, 'DONE'), await made(home, 'DONE')];
  const running = await made(home, 'RUNNING');
  assert.deepEqual((await sweep(home, { ...KEEP_ALL, maxBytes: 50 * KB })).removed, []);
  const swept = await sweep(home, { ...KEEP_ALL, maxBytes: 39 * KB });
  assert.deepEqual(swept, { removed: done.slice(0, 2).map(({ id }) => id), bytes: 30 * KB });
  const all = await sweep(home, { ...KEEP_ALL, maxBytes: 0 });
  assert.deepEqual(all, { removed: [done[2]?.id], bytes: 20 * KB });
  for (const each of done) assertRemoved(home, each);
  for (const each of [failed, running]) assertKept(home, each);
  home.store.jobs.change(failed.id, { givenUp: true });
  assert.deepEqual((await sweep(home, { ...KEEP_ALL, maxBytes: 0 })).removed, [failed.id]);
});

test('a job goes only together with its replays: what they have taken is known while all are there', async t => {
  const home = await homeIn(t);
  const root = await made(home, 'DONE');
  const other = await made(home, 'DONE');
  const ofRoot = (number: number) => ({ replayOf: root.id, replay: { root: root.id, number } });
  const first = await made(home, 'DONE', ofRoot(0));
  const second = await made(home, 'RUNNING', ofRoot(1));
  const swept = await sweep(home, { ...KEEP_ALL, maxBytes: 0 });
  assert.deepEqual(swept.removed, [other.id]);
  for (const each of [root, first, second]) assertKept(home, each);
  home.store.jobs.move(second.id, 'DONE');
  const end = Date.parse(home.store.jobs.require(second.id).endTime ?? '');
  const young = await sweep(home, { ...KEEP_ALL, maxAgeMs: DAY, now: end + DAY });
  assert.deepEqual(young.removed, []);
  const old = await sweep(home, { ...KEEP_ALL, maxAgeMs: DAY, now: end + DAY + 1 });
  assert.deepEqual(old, { removed: [root.id, first.id, second.id], bytes: 0 });
  for (const each of [root, first, second]) assertRemoved(home, each);
});

test('a job that was replaced stays until its successor has its state, the first one until the last has ended', async t => {
  const home = await homeIn(t);
  const { jobs } = home.store;
  const first = await made(home, 'UPDATED');
  const second = await made(home, 'UPDATED', { replaces: first.id });
  const third = aRecord({ replaces: second.id });
  jobs.change(first.id, { replacedBy: second.id });
  jobs.change(second.id, { replacedBy: third.id });
  jobs.insert(third);
  const sweepAll = async () => (await sweep(home, { ...KEEP_ALL, maxBytes: 0 })).removed;
  assert.deepEqual(await sweepAll(), []);
  jobs.move(third.id, 'PENDING');
  jobs.move(third.id, 'RUNNING');
  assert.deepEqual(await sweepAll(), [second.id]);
  jobs.move(third.id, 'DRAINED');
  assert.ok((await sweepAll()).includes(first.id));
});

test('what a sweep that was killed has left is removed by the next one', async t => {
  const home = await homeIn(t);
  const { id, folder } = await made(home, 'DONE');
  home.store.jobs.change(id, { removedTime: new Date().toISOString() });
  assert.deepEqual(await sweep(home, KEEP_ALL), { removed: [], bytes: 0 });
  assert.ok(!existsSync(folder));
});

test('links lead a sweep nowhere, folders without a record go when they are a day old, a home without jobs is swept too', async t => {
  const home = await homeIn(t);
  assert.deepEqual(await sweep(home, KEEP_ALL), { removed: [], bytes: 0 });
  const outside = await temporaryFolder(t);
  await writeFile(join(outside, 'kept'), Buffer.alloc(100 * KB));
  await mkdir(jobDirectory(home.config, 'unknown'), { recursive: true });
  await writeFile(join(jobDirectory(home.config, 'unknown'), 'kept'), Buffer.alloc(100 * KB));
  const now = Date.now();
  const { id, folder } = await made(home, 'DONE');
  await symlink(outside, join(folder, 'link'));
  const { bytes } = await sweep(home, KEEP_ALL);
  assert.ok(bytes < 11 * KB);
  assert.deepEqual((await sweep(home, { ...KEEP_ALL, maxBytes: 0 })).removed, [id]);
  assert.ok(existsSync(join(outside, 'kept')));
  await sweep(home, { ...KEEP_ALL, now: now + DAY - 60_000 });
  assert.ok(existsSync(join(jobDirectory(home.config, 'unknown'), 'kept')));
  await sweep(home, { ...KEEP_ALL, now: now + DAY + 60_000 });
  assert.equal(existsSync(jobDirectory(home.config, 'unknown')), false);
});

test('while many jobs are swept others come to their turn', async t => {
  const home = await homeIn(t);
  const { store, config } = home;
  for (let i = 0; i < 150; i++) {
    const { id } = aRecord();
    store.transaction(() => {
      store.jobs.insert(aRecord({ id }));
      store.jobs.move(id, 'CANCELLED');
    });
    await mkdir(jobDirectory(config, id), { recursive: true });
    await writeFile(join(jobDirectory(config, id), 'job.json'), 'x');
  }
  let turns = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turns++) await new Promise(setImmediate);
  })();
  const swept = await sweep(home, { ...KEEP_ALL, maxBytes: 30 });
  isOver = true;
  await others;
  assert.equal(swept.removed.length, 120);
  assert.equal(swept.bytes, 30);
  assert.ok(turns > 200, `others had ${turns} turns`);
});
