/** How a job has done over time, for charts. */
import { type Counters, emptyCounters, totalsOf } from '../engine/counters.ts';
import type { Graph } from '../engine/graph.ts';
import { type Sample, sampleOf } from '../store/history.ts';
import { jobGraph } from './graph.ts';
import type { Service } from './service.ts';

export interface HistoryPoint extends Omit<Sample, 'stages'> {
  /** Since the job began. */
  read: number;
  written: number;
  deadLettered: number;
}

/** Elements a second of each stage. */
export type StageRates = Record<string, { taken: number; given: number; failed: number }>;

/**
 * The points after a time (ms since the epoch), the oldest first: its beginning, when nothing was read, is one too.
 * @throws SluiceError JOB_NOT_FOUND
 */
export async function jobHistory(service: Service, jobId: string, after: number): Promise<HistoryPoint[]> {
  const { startTime } = service.store.jobs.require(jobId);
  const graph = await jobGraph(service, jobId);
  if (!graph) return [];
  const points = service.store.progress.history.after(jobId, after).map(({ stages, ...sample }) => {
    const { read, written, deadLettered } = totalsOf(graph, countersOf(stages, graph)).elements;
    return { ...sample, read, written, deadLettered };
  });
  const beganMs = startTime === undefined ? Number.NaN : Date.parse(startTime);
  const [first] = points;
  return first && beganMs > after && beganMs < first.time
    ? [{ time: beganMs, read: 0, written: 0, deadLettered: 0 }, ...points]
    : points;
}

/** What is older tells nothing of now: the job waits, or the server was away. */
const RECENT_MS = 30_000;

/** Between the last two samples, or the last one and now; none where these are not recent. */
export function stageRates({ store }: Pick<Service, 'store'>, jobId: string): StageRates {
  const progress = store.progress.get(jobId);
  if (!progress || progress.time < Date.now() - RECENT_MS) return {};
  const now = sampleOf(progress);
  const before = store.progress.history
    .after(jobId, now.time - RECENT_MS, 3)
    .findLast(({ time }) => time < now.time - 500);
  if (!before) return {};
  const seconds = (now.time - before.time) / 1000;
  return Object.fromEntries(
    Object.entries(now.stages).map(([stage, [taken, given, failed]]) => {
      const [takenBefore, givenBefore, failedBefore] = before.stages[stage] ?? [0, 0, 0];
      const rate = (count: number, earlier: number) => Math.max(0, count - earlier) / seconds;
      return [
        stage,
        {
          taken: rate(taken, takenBefore),
          given: rate(given, givenBefore),
          failed: rate(failed, failedBefore),
        },
      ];
    }),
  );
}

/** As much of the counters as a sample has kept. */
const countersOf = (stages: Sample['stages'], { nodes }: Graph): Counters =>
  Object.fromEntries(
    nodes.map(({ id }) => {
      const [taken, given, failed] = stages[id] ?? [0, 0, 0];
      return [id, { ...emptyCounters(), in: taken, out: given, failed }];
    }),
  );
