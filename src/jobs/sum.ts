/** What the workers of a job come to together. */
import { addCounters, type Counters } from '../engine/counters.ts';
import { sumGauges } from '../engine/gauges.ts';
import type { Graph } from '../engine/graph.ts';
import type { WorkerProgress } from '../worker/protocol.ts';

/** The counters of all workers, and the watermark of the one that is furthest behind. */
export function sumOf(workers: readonly { progress?: WorkerProgress }[]): WorkerProgress {
  const counters: Counters = {};
  for (const { progress } of workers) if (progress) addCounters(counters, progress.counters);
  const watermarks = workers.flatMap(({ progress }) => progress?.watermark ?? []);
  const gauges = workers.flatMap(({ progress }) => progress?.gauges ?? []);
  return {
    counters,
    ...(watermarks.length > 0 && { watermark: Math.min(...watermarks) }),
    ...(gauges.length > 0 && { gauges: sumGauges(gauges) }),
  };
}

/** How many dead letters there are, by error code; undefined where there are none. */
export function errorsOf(graph: Graph, counters: Counters): Record<string, number> | undefined {
  const errors: Record<string, number> = {};
  for (const { id, deadLetter } of graph.nodes) {
    if (deadLetter) continue;
    for (const [code, count] of Object.entries(counters[id]?.errors ?? {}))
      errors[code] = (errors[code] ?? 0) + count;
  }
  return Object.keys(errors).length > 0 ? errors : undefined;
}
