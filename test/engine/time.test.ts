import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Windowing } from '../../src/engine/component.ts';
import { fixedWindowStart, GLOBAL_WINDOW, parseDuration, windowsOf } from '../../src/engine/time.ts';

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

const sliding = { type: 'sliding', sizeMs: 10, periodMs: 4, offsetMs: 1 } as const;
const windows: [what: string, time: number, windowing: Windowing, starts: [start: number, end: number][]][] =
  [
    ['a fixed window', -1, { type: 'fixed', sizeMs: 10, offsetMs: 2 }, [[-8, 2]]],
    [
      'the sliding windows that hold it',
      5,
      sliding,
      [
        [5, 15],
        [1, 11],
        [-3, 7],
      ],
    ],
    [
      'the end of a sliding window is beyond it',
      7,
      sliding,
      [
        [5, 15],
        [1, 11],
      ],
    ],
    ['a session of its own', 5, { type: 'sessions', gapMs: 3 }, [[5, 8]]],
  ];
for (const [what, time, windowing, spans] of windows)
  test(`the time ${time} falls into ${what}`, () =>
    assert.deepEqual(
      windowsOf(time, windowing),
      spans.map(([start, end]) => ({ start, end })),
    ));

test('what has no time is in the global window, however it is windowed', () =>
  assert.deepEqual(windowsOf(Number.NaN, sliding), [GLOBAL_WINDOW]));
