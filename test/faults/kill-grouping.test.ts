import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Windowing } from '../../src/engine/component.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { makeEvents } from './disorder.ts';
import { type Group, groupPlainly } from './plain-groups.ts';
import { linesOf, runKilled, sorted } from './run-grouping.ts';

const KILLS = 8;

const cases: [windowing: Windowing, written: object][] = [
  [
    { type: 'fixed', sizeMs: 5000, offsetMs: 0, latenessMs: 20_000 },
    { type: 'fixed', size: '5s', allowed_lateness: '20s' },
  ],
  [
    { type: 'sliding', sizeMs: 9000, periodMs: 3000, offsetMs: 1000 },
    { type: 'sliding', size: '9s', period: '3s', offset: '1s' },
  ],
  [
    { type: 'sessions', gapMs: 2000 },
    { type: 'sessions', gap: '2s' },
  ],
  [
    { type: 'sessions', gapMs: 2000, latenessMs: 10_000 },
    { type: 'sessions', gap: '2s', allowed_lateness: '10s' },
  ],
];

for (const [windowing, written] of cases) {
  test(`a job that groups events out of order gives ${JSON.stringify(written)} exactly, killed ${KILLS} times`, async t => {
    const folder = await temporaryFolder(t);
    const events = makeEvents(7);
    const expected = groupPlainly(events, windowing);
    const end = runKilled(folder, 'Combine', written, KILLS);

    const late = linesOf(join(folder, 'late-*')).map(({ id }) => Number(id));
    assert.deepEqual(sorted(late), sorted(expected.late));
    assert.equal(end.counters.Combine?.late, expected.late.length);
    assert.ok(expected.late.length > 100, `${expected.late.length} late events`);
    const given = linesOf(join(folder, 'groups-*')) as unknown as Given[];
    const last = lastOfEach(given);
    const distinct = new Set(
      given.map(each => `${each.key} ${each.window_start} ${each.window_end} ${each.count}`),
    );
    assert.equal(distinct.size, given.length, 'a result was given twice');
    assert.ok(expected.amends ? given.length > last.length : given.length === last.length);
    assert.deepEqual(sorted(last.map(describeGroup)), sorted(expected.groups.map(describe)));
    assert.deepEqual(readdirSync(join(folder, 'job/stages')), [], 'files of the state are left');
    t.diagnostic(
      `${expected.groups.length} groups, ${late.length} late events, ${given.length - last.length} amended rows`,
    );
  });
}

interface Given {
  key: string;
  count: number;
  sum: number;
  ids: number[];
  window_start: number;
  window_end: number;
}

/** An amended row stands for those it holds all elements of. */
function lastOfEach(groups: readonly Given[]): Given[] {
  const byFirst = new Map<string, Given>();
  const largest = groups.toSorted((a, b) => b.count - a.count);
  const seen = new Set<string>();
  for (const group of largest) {
    const elements = group.ids.map(id => `${id}@${sliding(group)}`);
    if (elements.every(element => seen.has(element))) continue;
    for (const element of elements) seen.add(element);
    byFirst.set(`${group.key}@${group.window_start}-${group.window_end}`, group);
  }
  return [...byFirst.values()];
}

/** Windows that overlap have elements in common; sessions that were amended have another end. */
const sliding = ({ window_start: start, window_end: end }: Given): number => (end - start === 9 ? start : 0);

function describeGroup({ key, window_start: start, window_end: end, count, sum, ids }: Given): string {
  return describe({ key, start: Math.round(start * 1000), end: Math.round(end * 1000), count, sum, ids });
}

const describe = ({ key, start, end, count, sum, ids }: Group): string =>
  `${key} [${start}, ${end}) ${count} ${sum} ${sorted(ids)}`;
