import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type Event, makeEvents } from './disorder.ts';
import { linesOf, runKilled, sorted } from './run-grouping.ts';

const KILLS = 8;
const WINDOW_MS = 2000;

test(`a join of two streams out of order gives each pair exactly once, killed ${KILLS} times`, async t => {
  const folder = await temporaryFolder(t);
  // Nothing is later than a minute.
  runKilled(folder, 'Join', { type: 'fixed', size: '2s', allowed_lateness: '60s' }, KILLS);
  const given = linesOf(join(folder, 'pairs-*')).map(({ a, b }) => `${a} ${b}`);
  const expected = pairs(makeEvents(7), makeEvents(8));
  assert.ok(expected.some(pair => pair.endsWith('null')));
  assert.deepEqual(sorted(given), sorted(expected));
  t.diagnostic(`${given.length} pairs`);
});

/** Of each event on the left, those on the right with its key and window; or null. */
function pairs(left: readonly Event[], right: readonly Event[]): string[] {
  const place = ({ key, time }: Event) => `${key} ${Math.floor(time / WINDOW_MS)}`;
  const rights = Map.groupBy(right, place);
  return left.flatMap(event => {
    const partners = rights.get(place(event));
    return partners ? partners.map(({ id }) => `${event.id} ${id}`) : [`${event.id} null`];
  });
}
