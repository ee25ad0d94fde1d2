import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPace } from '../../../src/connectors/generator/pace.ts';

/** How many records come out in so many ms, if they are fetched every `everyMs`. */
function fetched(perSecond: number, durationMs: number, everyMs: number): number {
  const pace = createPace(perSecond, 0);
  let total = 0;
  for (let now = 0; now <= durationMs; now += everyMs) {
    const due = pace.due(now, 1000);
    pace.take(due);
    total += due;
  }
  return total;
}

test('as many come as the rate says, however often they are fetched', () => {
  assert.equal(fetched(10, 10_000, 1), 100);
  assert.equal(fetched(1000, 10_000, 7), 9996);
  assert.ok(Math.abs(fetched(20_000, 10_000, 3) - 200_000) < 500);
});

test('a rate below one a second is kept', () => {
  assert.equal(fetched(0.5, 10_000, 10), 5);
});

test('nothing is due before a small batch is, so that batches are few', () => {
  const pace = createPace(10_000, 0);
  assert.equal(pace.due(10, 1000), 0);
  assert.equal(pace.due(20, 1000), 200);
  pace.take(200);
  assert.equal(pace.waitMs(), 20);
});

test('after a pause of the reader a second at most is caught up', () => {
  const pace = createPace(100, 0);
  assert.equal(pace.due(60_000, 100_000), 100);
});

test('the last few records of a limit are not held back', () => {
  const pace = createPace(10_000, 0);
  assert.equal(pace.due(1, 5), 5);
});

test('without a rate everything is due at once', () => {
  assert.equal(createPace(undefined, 0).due(0, 8192), 8192);
});
