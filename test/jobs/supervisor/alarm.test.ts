import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alarm } from '../../../src/jobs/supervisor/alarm.ts';

test('a ring ends the wait, or the next one, and no more than that', async () => {
  const bell = alarm();
  const started = Date.now();
  setTimeout(bell.ring, 5);
  await bell.wait(60_000);
  bell.ring();
  bell.ring();
  await bell.wait(60_000);
  assert.ok(Date.now() - started < 5000);
  const before = performance.now();
  await bell.wait(30);
  assert.ok(performance.now() - before > 25);
});
