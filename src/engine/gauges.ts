/** How a pipeline does at the moment: shown and drawn, never counted on, and begun anew with each worker. */

export interface Gauges {
  /** How long each stage has been at work, ms, with the time that it waited for its own connections and children. */
  busyMs: Record<string, number>;
  /** From the reading of an element until its result was durable, ms: the longest of the last checkpoint. */
  latencyMs?: number;
  /** What the sources know of that is still to be read. */
  backlog?: Backlog;
  /** Resident memory of the workers and their children, bytes. */
  memoryBytes?: number;
}

/** Known in elements or in bytes, as the source has it. */
export interface Backlog {
  elements?: number;
  bytes?: number;
}

/** The gauges of all workers together. */
export function sumGauges(all: readonly Gauges[]): Gauges {
  const busyMs: Record<string, number> = {};
  for (const gauges of all)
    for (const [stage, ms] of Object.entries(gauges.busyMs)) busyMs[stage] = (busyMs[stage] ?? 0) + ms;
  const latencies = all.flatMap(({ latencyMs }) => latencyMs ?? []);
  const memory = all.flatMap(({ memoryBytes }) => memoryBytes ?? []);
  const backlog = sumBacklogs(all.flatMap(each => each.backlog ?? []));
  return {
    busyMs,
    ...(latencies.length > 0 && { latencyMs: Math.max(...latencies) }),
    ...(memory.length > 0 && { memoryBytes: sumOf(memory) }),
    ...(backlog && { backlog }),
  };
}

/** Undefined where nobody knows any. */
export function sumBacklogs(all: readonly Backlog[]): Backlog | undefined {
  const elements = all.flatMap(each => each.elements ?? []);
  const bytes = all.flatMap(each => each.bytes ?? []);
  if (elements.length === 0 && bytes.length === 0) return undefined;
  return {
    ...(elements.length > 0 && { elements: sumOf(elements) }),
    ...(bytes.length > 0 && { bytes: sumOf(bytes) }),
  };
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
