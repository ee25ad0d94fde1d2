/** Jobs as those see them who look after them, the ones in the foreground too. */
import { type Counters, type Totals, totalsOf } from '../engine/counters.ts';
import type { Graph } from '../engine/graph.ts';
import type { Page } from '../store/jobs.ts';
import type { JobFilter } from '../store/listing.ts';
import type { JobProgress } from '../store/progress.ts';
import type { JobRecord } from '../store/record.ts';
import { jobGraph } from './graph.ts';
import type { Service } from './service.ts';

/** A record without what concerns only this machine. */
export type ShownRecord = Omit<JobRecord, 'pid' | 'pidStart'>;

/** A job in a list. */
export interface ListedJob extends ShownRecord {
  /** Absent before its workers have told anything, and where nothing is kept of it any more. */
  totals?: Totals;
  /** What it has read in a second, on the average of all its time. */
  rates?: { elementsPerSecond: number; bytesPerSecond: number };
}

/** A job in full. */
export interface ShownJob extends ListedJob {
  /** By the full name of the transform. */
  counters?: Counters;
  /** ms since the epoch. */
  watermark?: number;
  /** What it runs, for a picture of it. */
  graph?: ShownGraph;
}

export interface ShownGraph {
  /** Each after those that it reads from. */
  nodes: { id: string; type: string; kind: 'source' | 'transform' | 'sink'; deadLetter: boolean }[];
  /** `output` is `good`, `errors`, or the name of a further output. */
  edges: { from: string; to: string; output: string }[];
}

export async function listJobs(
  service: Service,
  filter: JobFilter,
  pageSize: number,
  pageToken?: string,
): Promise<Page<ListedJob>> {
  const { items, ...page } = service.store.jobs.list(filter, pageSize, pageToken);
  return { items: await Promise.all(items.map(record => listed(service, record))), ...page };
}

async function listed(service: Service, record: JobRecord): Promise<ListedJob> {
  // What an ended one came to is in its record.
  const progress = record.result ? undefined : service.store.progress.get(record.id);
  const graph = progress && (await jobGraph(service, record.id));
  return withTotals(record, progress, graph);
}

/** @throws SluiceError JOB_NOT_FOUND */
export async function showJob(service: Service, jobId: string): Promise<ShownJob> {
  const record = service.store.jobs.require(jobId);
  const progress = service.store.progress.get(jobId);
  const graph = await jobGraph(service, jobId);
  return {
    ...withTotals(record, progress, graph),
    ...(progress && { counters: progress.counters }),
    ...(progress?.watermark !== undefined && { watermark: progress.watermark }),
    ...(graph && { graph: shown(graph) }),
  };
}

export function shownRecord({ pid: _, pidStart: __, ...record }: JobRecord): ShownRecord {
  return record;
}

function withTotals(record: JobRecord, progress?: JobProgress, graph?: Graph): ListedJob {
  const { result } = record;
  const current = progress && graph && totalsOf(graph, progress.counters);
  const totals = result ? { elements: result.elements, bytes: result.bytes } : current;
  const seconds = secondsOf(record, progress);
  return {
    ...shownRecord(record),
    ...(totals && { totals }),
    ...(totals &&
      seconds > 0 && {
        rates: {
          elementsPerSecond: totals.elements.read / seconds,
          bytesPerSecond: totals.bytes.read / seconds,
        },
      }),
  };
}

function secondsOf({ startTime, result }: JobRecord, progress?: JobProgress): number {
  if (result) return result.seconds;
  return startTime && progress ? (progress.time - Date.parse(startTime)) / 1000 : 0;
}

const shown = ({ nodes }: Graph): ShownGraph => ({
  nodes: nodes.map(({ id, component, deadLetter }) => ({
    id,
    type: component.name,
    kind: component.kind,
    deadLetter,
  })),
  edges: nodes.flatMap(({ id, inputs }) => inputs.map(({ from, output }) => ({ from, to: id, output }))),
});
