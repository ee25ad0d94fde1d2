/** What each stage did: the truth that progress, API, metrics and the books share. */
import type { Graph, GraphNode } from './graph.ts';

/** Counts of one stage since the job began, restarts included. */
export interface StageCounters {
  in: number;
  /** Elements on its good output; for a sink, those written. */
  out: number;
  filtered: number;
  failed: number;
  /** Elements it made beyond one for one. */
  created: number;
  /** Elements that came after their window was published. */
  late: number;
  bytesIn: number;
  bytesOut: number;
  /** Failed elements by error code. */
  errors: Record<string, number>;
}

export type Counters = Record<string, StageCounters>;

/** The sum of a job, in elements and bytes. */
export interface Totals {
  elements: { read: number; written: number; filtered: number; deadLettered: number };
  bytes: { read: number; written: number };
}

export function emptyCounters(): StageCounters {
  return { in: 0, out: 0, filtered: 0, failed: 0, created: 0, late: 0, bytesIn: 0, bytesOut: 0, errors: {} };
}

/** Adds `more` to `sum`, stage by stage: the counters of a job that several workers share. */
export function addCounters(sum: Counters, more: Counters): Counters {
  for (const [stage, counters] of Object.entries(more)) {
    const total = sum[stage] ?? emptyCounters();
    sum[stage] = total;
    for (const key of SUMMABLE) total[key] += counters[key];
    for (const [code, count] of Object.entries(counters.errors)) {
      total.errors[code] = (total.errors[code] ?? 0) + count;
    }
  }
  return sum;
}

const SUMMABLE = ['in', 'out', 'filtered', 'failed', 'created', 'late', 'bytesIn', 'bytesOut'] as const;

/** What the job as a whole read, wrote, filtered and dead-lettered. */
export function totalsOf(graph: Graph, counters: Counters): Totals {
  const totals: Totals = {
    elements: { read: 0, written: 0, filtered: 0, deadLettered: 0 },
    bytes: { read: 0, written: 0 },
  };
  for (const node of graph.nodes) {
    const count = counters[node.id];
    if (!count || node.deadLetter) continue;
    totals.elements.filtered += count.filtered;
    totals.elements.deadLettered += count.failed;
    if (node.component.kind === 'source') {
      totals.elements.read += count.out;
      totals.bytes.read += count.bytesOut;
    } else if (node.component.kind === 'sink') {
      totals.elements.written += count.out;
      totals.bytes.written += count.bytesIn;
    }
  }
  return totals;
}

/**
 * What does not balance, in words; empty when the books balance. Each stage: in = out + filtered + failed - created;
 * each edge: what one side gave the other took; the job: read = written + filtered + dead-lettered, where a stream
 * that several stages read counts once for each of them.
 */
export function findImbalances(graph: Graph, counters: Counters): string[] {
  const faults: string[] = [];
  const of = (id: string) => counters[id] ?? emptyCounters();
  let expected = 0;
  for (const node of graph.nodes) {
    const count = of(node.id);
    if (node.component.kind !== 'source') {
      const given = node.inputs.reduce(
        (sum, { from, output }) => sum + of(from)[output === 'good' ? 'out' : 'failed'],
        0,
      );
      if (given !== count.in)
        faults.push(`${node.id} took ${count.in} elements of the ${given} it was given`);
      const left = count.out + count.filtered + count.failed - count.created;
      if (left !== count.in) faults.push(`${node.id} took ${count.in} elements and accounts for ${left}`);
    }
    if (!node.deadLetter) expected += count.created + extraReaders(graph, node) * count.out;
  }
  const { read, written, filtered, deadLettered } = totalsOf(graph, counters).elements;
  if (read + expected !== written + filtered + deadLettered) {
    faults.push(
      `read ${read}, but written ${written} + filtered ${filtered} + dead-lettered ${deadLettered}`,
    );
  }
  return faults;
}

/** How many stages beyond one read the good output of a node: -1 when none does, 0 for a sink. */
function extraReaders(graph: Graph, node: GraphNode): number {
  if (node.component.kind === 'sink') return 0;
  const reads = graph.nodes
    .flatMap(each => each.inputs)
    .filter(({ from, output }) => from === node.id && output === 'good');
  return reads.length - 1;
}
