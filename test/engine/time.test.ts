import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixedWindowStart, parseDuration } from '../../src/engine/time.ts';

const durations: [string, number | undefined][] = [
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['1.5s', 1500],
  ['60', 60_000],
  [' 10s ', 10_000],
  ['', undefined],
  ['1d', undefined],
  ['5', 5000],
  ['5m10', undefined],
  ['-5s', undefined],
  ['5|', undefined],
  ['five', undefined],
];

for (const [text, ms] of durations) {
  test(`"${text}" is ${ms === undefined ? 'no duration' : `${ms} ms`}`, () =>
    assert.equal(parseDuration(text), ms));
}

test('fixed windows floor, also before the epoch', () => {
  const windowing = { type: 'fixed', sizeMs: 10, offsetMs: 0 } as const;
  assert.deepEqual(
    [0, 9, 10, -1, -10, -11].map(time => fixedWindowStart(time, windowing)),
    [0, 0, 10, -10, -10, -20],
  );
  assert.equal(fixedWindowStart(12, { ...windowing, offsetMs: 3 }), 3);
});
