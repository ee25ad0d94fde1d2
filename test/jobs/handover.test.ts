import assert from 'node:assert/strict';
import { globSync, readdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inheritCheckpoint } from '../../src/engine/checkpoint.ts';
import type { Windowing } from '../../src/engine/component.ts';
import { addCounters, type Counters } from '../../src/engine/counters.ts';
import { type RunningPipeline, startPipeline } from '../../src/engine/engine.ts';
import type { Graph } from '../../src/engine/graph.ts';
import type { Lineage } from '../../src/engine/open.ts';
import { lineageOf, matchStages } from '../../src/jobs/handover-match.ts';
import { resolvePipeline } from '../../src/pipeline/resolve.ts';
import { registry } from '../../src/registry.ts';
import type { Job } from '../../src/worker/job-file.ts';
import { disorder, makeEvents } from '../faults/disorder.ts';
import { groupPlainly } from '../faults/plain-groups.ts';
import { linesOf, sorted } from '../faults/run-grouping.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const UPDATES = 5;
const components = new Map([...registry, ['Disorder', disorder]]);

/** Disordered events grouped by key: each generation calls the grouping otherwise, and does something else before it. */
function graphOf(generation: number, folder: string, windowing: object): Graph {
  const name = `Groups ${generation}`;
  const before =
    generation % 2 === 0
      ? { type: 'Filter', name: 'Any', input: 'Disorder', config: { keep: 'id >= 0', language: 'generic' } }
      : { type: 'WindowInto', name: 'Any', input: 'Disorder', config: { windowing: { type: 'global' } } };
  const transforms = [
    { type: 'Disorder', config: { seed: 7 } },
    before,
    {
      type: 'Combine',
      name,
      input: 'Any',
      windowing,
      config: {
        group_by: 'key',
        combine: { count: { value: 'id', fn: 'count' }, ids: { value: 'id', fn: 'group' } },
      },
    },
    { type: 'ExtractWindowingInfo', input: name, config: { fields: ['window_start', 'window_end'] } },
    {
      type: 'WindowInto',
      name: 'All',
      input: 'ExtractWindowingInfo',
      config: { windowing: { type: 'global' } },
    },
    { type: 'WriteToJson', input: 'All', config: { path: join(folder, 'groups') } },
  ];
  return resolvePipeline({ pipeline: { transforms } }, components);
}

async function run(
  folder: string,
  generation: number,
  graph: Graph,
  lineage?: Lineage,
): Promise<RunningPipeline> {
  return startPipeline(graph, {
    jobId: `job-${generation}`,
    ...(lineage && { lineage }),
    config: { home: folder, checkpointMs: 10 },
    directory: join(folder, `job-${generation}`),
    worker: { index: 0, count: 1 },
    streaming: true,
    report: () => {},
  });
}

async function groupsAfterUpdates(t: TestContext, written: object) {
  const folder = await temporaryFolder(t);
  const counters: Counters = {};
  let graph = graphOf(0, folder, written);
  let job = { id: 'job-0' } as Job;
  let read = 0;
  for (let generation = 0; ; generation++) {
    const running = await run(folder, generation, graph, job.lineage);
    const readOf = () => running.counters().Disorder?.out ?? 0;
    while (generation < UPDATES && readOf() < 5000) await sleep(1);
    if (generation < UPDATES) running.handOver();
    const state = await running.ended;
    read += readOf();
    addCounters(counters, running.counters());
    if (generation === UPDATES) {
      assert.equal(state, 'DONE');
      assert.ok(readOf() > 0, 'the last one had nothing to do');
      break;
    }
    assert.equal(state, 'HANDED_OVER');
    const next = graphOf(generation + 1, folder, written);
    const matched = matchStages(graph, next, { [`Groups ${generation}`]: `Groups ${generation + 1}` });
    const id = `job-${generation + 1}`;
    const [from, to] = [job.id, id].map(each => join(folder, each)) as [string, string];
    await inheritCheckpoint(from, to, matched);
    await rename(join(from, 'stages'), join(to, 'stages'));
    job = { ...job, id, lineage: lineageOf(job, next, id, matched) };
    graph = next;
  }
  assert.equal(read, 40_000);
  assert.deepEqual(readdirSync(join(folder, job.id, 'stages')), [], 'files of the state are left');
  assert.deepEqual(globSync(join(folder, '.sluice-*')), [], 'staged files are left');
  return { groups: linesOf(join(folder, 'groups*')) as unknown as Given[], counters };
}

interface Given {
  key: string;
  ids: number[];
  window_start: number;
  window_end: number;
}

const cases: [windowing: Windowing, written: object][] = [
  [
    { type: 'sessions', gapMs: 2000 },
    { type: 'sessions', gap: '2s' },
  ],
  [
    { type: 'fixed', sizeMs: 60_000, offsetMs: 0 },
    { type: 'fixed', size: '60s' },
  ],
];

for (const [windowing, written] of cases) {
  test(`groups in ${JSON.stringify(written)} that ${UPDATES} updates take over from one another are exact`, async t => {
    const { groups, counters } = await groupsAfterUpdates(t, written);
    const expected = groupPlainly(makeEvents(7), windowing);
    const describe = (key: string, start: number, end: number, ids: number[]) =>
      `${key} [${start}, ${end}) ${sorted(ids)}`;
    assert.deepEqual(
      sorted(
        groups.map(({ key, window_start: start, window_end: end, ids }) =>
          describe(key, Math.round(start * 1000), Math.round(end * 1000), ids),
        ),
      ),
      sorted(expected.groups.map(({ key, start, end, ids }) => describe(key, start, end, ids))),
    );
    const sums = Object.entries(counters).filter(([stage]) => /^Groups \d+$/.test(stage));
    assert.equal(sums.length, UPDATES + 1);
    assert.equal(
      sums.reduce((sum, [, each]) => sum + each.merged, 0),
      40_000 - expected.late.length,
    );
    assert.equal(
      sums.reduce((sum, [, each]) => sum + each.created, 0),
      expected.groups.length,
    );
  });
}
