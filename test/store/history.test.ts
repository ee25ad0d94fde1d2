import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { emptyCounters } from '../../src/engine/counters.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function storeIn(t: TestContext) {
  const store = openStore({ home: await temporaryFolder(t) });
  t.after(() => store.close());
  return store;
}

const progress = (time: number, read: number) => ({
  time,
  counters: { Read: { ...emptyCounters(), out: read, failed: 1 } },
  watermark: time - 250,
  gauges: { busyMs: { Read: 3 }, latencyMs: 40, memoryBytes: 1000, backlog: { elements: 7 } },
});

test('a sample is kept every five seconds, and the last one always', async t => {
  const store = await storeIn(t);
  for (let second = 0; second <= 12; second++) store.progress.save('a', progress(second * 1000, second));
  store.progress.save('a', progress(13_000, 13), true);
  const samples = store.progress.history.after('a', -1);
  assert.deepEqual(
    samples.map(({ time }) => time),
    [0, 5000, 10_000, 13_000],
  );
  assert.deepEqual(samples[1], {
    time: 5000,
    stages: { Read: [0, 5, 1] },
    lagMs: 250,
    latencyMs: 40,
    memoryBytes: 1000,
    backlogElements: 7,
  });
  assert.deepEqual(store.progress.history.after('a', 5000).length, 2);
  assert.deepEqual(store.progress.history.after('b', -1), []);
});

test('samples grow sparser with age: a stream of days keeps few, and always its beginning', async t => {
  const store = await storeIn(t);
  const { history } = store.progress;
  const end = 30 * HOUR;
  store.transaction(() => {
    for (let time = 0; time <= end; time += 5000) history.note('a', progress(time, time));
  });
  const times = history.after('a', -1).map(({ time }) => time);
  const between = (from: number, to: number) => times.filter(time => time > from && time <= to).length;
  assert.equal(times[0], 0);
  assert.equal(between(end - HOUR, end), 720);
  assert.ok(between(end - 23 * HOUR, end - 2 * HOUR) <= 21 * 60, 'one a minute');
  assert.ok(between(0, end - 26 * HOUR) <= 4 * 4, 'four an hour');
  assert.ok(between(0, end - 26 * HOUR) > 4 * 4 - 2);
});

test('what is removed of a job takes its samples along', async t => {
  const store = await storeIn(t);
  store.progress.save('a', progress(0, 1));
  store.progress.save('b', progress(0, 1));
  store.progress.remove('a');
  assert.deepEqual(store.progress.history.after('a', -1), []);
  assert.equal(store.progress.history.after('b', -1).length, 1);
});
