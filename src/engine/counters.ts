/** What each stage did: the truth that progress, API, metrics and the books share. */
import type { Graph, GraphNode } from './graph.ts';

/** Counts of one stage since the job began, restarts included. */
export interface StageCounters {
  in: number;
  /** Elements on its good output; for a sink, those written. */
  out: number;
  /** Elements on its further outputs, by name; of a program what it counts itself. */
  named: Record<string, number>;
  filtered: number;
  failed: number;
  /** Elements it made beyond one for one. */
  created: number;
  /** Elements that went into the state of a grouping. */
  merged: number;
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
  const sums = {
    in: 0,
    out: 0,
    filtered: 0,
    failed: 0,
    created: 0,
    merged: 0,
    late: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
  return { ...sums, named: {}, errors: {} };
}

/** Adds `more` to `sum`, stage by stage: the counters of a job that several workers share. */
export function addCounters(sum: Counters, more: Counters): Counters {
  for (const [stage, counters] of Object.entries(more)) {
    // A stage may have the name of something that every object has.
    const total = Object.hasOwn(sum, stage) ? (sum[stage] ?? emptyCounters()) : emptyCounters();
    sum[stage] = total;
    for (const key of SUMMABLE) total[key] += counters[key];
    addCounts(total.errors, counters.errors);
    addCounts(total.named, counters.named);
  }
  return sum;
}

const SUMMABLE = [
  'in',
  'out',
  'filtered',
  'failed',
  'created',
  'merged',
  'late',
  'bytesIn',
  'bytesOut',
] as const;

export function addCounts(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more))
    sum[name] = (Object.hasOwn(sum, name) ? (sum[name] ?? 0) : 0) + count;
}

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
    if (isProgram(node)) {
      totals.elements.read += count.in;
      totals.elements.written += count.out;
    }
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

/** A transform that takes from no other one is a program, which reads and writes outside as it likes. */
export const isProgram = ({ component, inputs }: GraphNode): boolean =>
  component.kind === 'transform' && inputs.length === 0;

/**
 * What does not balance, in words; empty when the books balance. Each stage: what it took is what it gave, filtered,
 * failed and merged, less what it created; each edge: what one side gave the other took; the job: read + created =
 * written + filtered + dead-lettered + merged, where a stream that several stages read counts once for each of them.
 */
export function findImbalances(graph: Graph, counters: Counters): string[] {
  const faults: string[] = [];
  const of = (id: string) => counters[id] ?? emptyCounters();
  let created = 0;
  for (const node of graph.nodes) {
    const count = of(node.id);
    if (node.component.kind !== 'source') {
      const given = node.inputs.reduce((sum, { from, output }) => sum + givenOn(of(from), output), 0);
      if (given !== count.in) {
        faults.push(`${node.id} took ${count.in} elements of the ${given} it was given`);
      }
      const named = Object.values(count.named).reduce((sum, each) => sum + each, 0);
      const left = count.out + named + count.filtered + count.failed + count.merged - count.created;
      if (left !== count.in) faults.push(`${node.id} took ${count.in} elements and accounts for ${left}`);
    }
    if (!node.deadLetter) created += count.created - count.merged + extraReads(graph, node, count);
  }
  const { read, written, filtered, deadLettered } = totalsOf(graph, counters).elements;
  if (read + created !== written + filtered + deadLettered) {
    faults.push(
      `read ${read}, but written ${written} + filtered ${filtered} + dead-lettered ${deadLettered}`,
    );
  }
  return faults;
}

function givenOn(count: StageCounters, output: string): number {
  if (output === 'good') return count.out;
  return output === 'errors' ? count.failed : (count.named[output] ?? 0);
}

/** How often the outputs of a node are read beyond once; negative for what nobody reads. */
function extraReads(graph: Graph, { id, component }: GraphNode, count: StageCounters): number {
  if (component.kind === 'sink') return 0;
  const reads = graph.nodes.flatMap(each => each.inputs).filter(({ from }) => from === id);
  const timesRead = (name: string) => reads.filter(({ output }) => output === name).length;
  return ['good', ...Object.keys(count.named)].reduce(
    (sum, output) => sum + (timesRead(output) - 1) * givenOn(count, output),
    0,
  );
}
