/** Runs `grouping-job.ts` until it ends or dies. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageCounters } from '../../src/engine/counters.ts';
import { crashPoints } from '../../src/engine/crash-point.ts';

export interface End {
  state: string;
  counters: Record<string, StageCounters>;
}

export type Grouping = 'Combine' | 'Join';

function run(folder: string, type: Grouping, windowing: object, crashAt?: string): End | 'killed' {
  const env = {
    ...process.env,
    SLUICE_HOME: folder,
    SLUICE_CHECKPOINT_MS: '10',
    SLUICE_CRASH_AT: crashAt ?? '',
  };
  const program = join(import.meta.dirname, 'grouping-job.ts');
  const args = ['--disable-warning=ExperimentalWarning', program, folder, type, JSON.stringify(windowing)];
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  if (signal === 'SIGKILL') return 'killed';
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** Kills the job so many times, at every step on the way, then lets it end. */
export function runKilled(folder: string, type: Grouping, windowing: object, kills: number): End {
  const onTheWay = crashPoints.filter(point => !point.startsWith('file.'));
  for (let i = 0; i < kills; i++) {
    const outcome = run(folder, type, windowing, `${onTheWay[i % onTheWay.length]}:${1 + (i % 2)}`);
    assert.equal(outcome, 'killed');
  }
  const end = run(folder, type, windowing);
  assert.ok(end !== 'killed');
  assert.equal(end.state, 'DONE');
  return end;
}

export const linesOf = (pattern: string): Record<string, unknown>[] =>
  globSync(pattern).flatMap(path =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line)),
  );

export const sorted = <T extends number | string>(values: readonly T[]): T[] =>
  values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
