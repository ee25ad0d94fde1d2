/** Jobs of plain pipelines whose workers are killed as they pass each crash point. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.ts';
import { totalsOf } from '../../src/engine/counters.ts';
import { type CrashPoint, crashPoints } from '../../src/engine/crash-point.ts';
import { type JobSummary, saveJob } from '../../src/jobs/job.ts';
import { prepareJob } from '../../src/launch/prepare.ts';
import { startJob, wasKilled } from '../faults/launch.ts';

export interface PlainPipeline {
  home: string;
  env?: NodeJS.ProcessEnv;
  source: { type: string; config: object };
  sink: { type: string; config: object };
}

/**
 * Runs it again and again, each time killed at another point, and at last to its end. A stream is drained once it has
 * read `count` elements; `before` runs before each run, e.g. to bring a share of them.
 */
export async function runKilled(
  { home, env = {}, source, sink }: PlainPipeline,
  count: number,
  before: (run: number, runs: number) => Promise<void> = async () => {},
): Promise<JobSummary> {
  const file = join(home, 'pipeline.json');
  await writeFile(file, JSON.stringify({ pipeline: { type: 'chain', transforms: [source, sink] } }));
  const config = loadConfig({ SLUICE_HOME: home, SLUICE_CHECKPOINT_MS: '20', ...env });
  const prepared = await prepareJob(config, { pipeline: file });
  await saveJob(config, prepared.job);
  const points = crashPoints.filter(point => !point.startsWith('file.'));
  const runs = points.length + 1;
  let kills = 0;
  const run = (crashAt?: CrashPoint) => {
    const at = crashAt && (`${crashAt}:1` as const);
    const job = startJob({ config, prepared, env }, at, {
      onProgress: ({ counters }) => {
        if (totalsOf(prepared.graph, counters).elements.read >= count) job.drain();
      },
    });
    return job.ended;
  };
  let summary: JobSummary | undefined;
  for (const [i, point] of [...points, undefined].entries()) {
    await before(i, runs);
    summary = await run(point);
    if (summary.state === 'DONE') break;
    if (wasKilled(summary)) kills++;
  }
  assert.ok(summary);
  assert.match(summary.state, /^(DONE|DRAINED)$/, summary.error?.message ?? summary.state);
  // A bounded job that is killed in its last checkpoint comes to its end in the next run.
  const least = prepared.job.streaming ? points.length : 5;
  assert.ok(kills >= least, `killed ${kills} times, of ${points.length} points`);
  return summary;
}
