/** The counters of a job as Dataflow's metrics: under its names, so that its tools find them, and under ours. */
import { emptyCounters, isProgram, type StageCounters, totalsOf } from '../../engine/counters.ts';
import type { Graph, GraphNode } from '../../engine/graph.ts';
import type { JobProgress } from '../../store/progress.ts';
import type { JobRecord } from '../../store/record.ts';
import { isEnded } from '../../store/states.ts';
import { stepName } from './steps.ts';

const SYSTEM = 'dataflow/v1b3';
/** What Dataflow calls the metrics that are none of its own. */
const USER = 'user';

interface Metric {
  origin: string;
  name: string;
  context?: Record<string, string>;
  scalar: number;
}

/**
 * Each metric twice, as Dataflow tells them: as it was committed, and as it stands (`tentative`). With us both are the
 * counters that the workers told last.
 */
export function metricsOf(record: JobRecord, graph: Graph, progress: JobProgress): object[] {
  const metrics = [
    ...jobMetrics(record, graph, progress),
    ...graph.nodes.flatMap((node, index) => stageMetrics(node, index, countersOf(progress, node))),
  ];
  return metrics.flatMap(metric => [
    update(metric, progress.time),
    update({ ...metric, context: { ...metric.context, tentative: 'true' } }, progress.time),
  ]);
}

/** The metrics of one stage, committed. */
export const metricsOfStage = (node: GraphNode, index: number, progress: JobProgress): object[] =>
  stageMetrics(node, index, countersOf(progress, node)).map(metric => update(metric, progress.time));

const countersOf = ({ counters }: JobProgress, { id }: GraphNode): StageCounters =>
  counters[id] ?? emptyCounters();

function update({ origin, name, context, scalar }: Metric, timeMs: number): object {
  return {
    name: { origin, name, ...(context && { context }) },
    kind: 'Sum',
    cumulative: true,
    scalar,
    updateTime: new Date(timeMs).toISOString(),
  };
}

function jobMetrics(record: JobRecord, graph: Graph, { counters, watermark, time }: JobProgress): Metric[] {
  const { elements, bytes } = totalsOf(graph, counters);
  const own = {
    elements_read: elements.read,
    elements_written: elements.written,
    elements_filtered: elements.filtered,
    elements_dead_lettered: elements.deadLettered,
    bytes_read: bytes.read,
    bytes_written: bytes.written,
  };
  const lags = record.streaming && !isEnded(record.state) && watermark !== undefined;
  return [
    ...Object.entries(own).map(([name, scalar]) => ({ origin: USER, name, scalar })),
    ...(lags
      ? [
          {
            origin: SYSTEM,
            name: 'DataWatermarkAge',
            scalar: Math.max(0, Math.round((time - watermark) / 1000)),
          },
        ]
      : []),
  ];
}

function stageMetrics(node: GraphNode, index: number, count: StageCounters): Metric[] {
  const { id, component } = node;
  const step = stepName(index);
  const written = component.kind === 'sink' ? count.bytesIn : count.bytesOut;
  const output = { original_name: `${step}-out0`, output_user_name: `${id}-out0` };
  const own: Record<string, number> = {
    // What a program counts itself, under its own names.
    ...(isProgram(node) && count.named),
    elements_in: count.in,
    elements_out: count.out,
    elements_filtered: count.filtered,
    elements_dead_lettered: count.failed,
    ...Object.fromEntries(Object.entries(count.errors).map(([code, errors]) => [`errors_${code}`, errors])),
  };
  return [
    { origin: SYSTEM, name: 'ElementCount', context: output, scalar: count.out },
    {
      origin: SYSTEM,
      name: 'MeanByteCount',
      context: output,
      scalar: count.out > 0 ? Math.round(written / count.out) : 0,
    },
    ...Object.entries(own).map(([name, scalar]) => ({
      origin: USER,
      name,
      context: { step: id, namespace: 'sluice' },
      scalar,
    })),
  ];
}
