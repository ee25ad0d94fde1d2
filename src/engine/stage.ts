/** A stage: one node of the graph at work, with its queue, its counters and the stages that read from it. */
import { SluiceError } from '../errors.ts';
import { type Batch, payloadBytes, positionOf } from './batch.ts';
import { noteAllocated } from './collect.ts';
import type { Outcome, Transform } from './component.ts';
import { emptyCounters, type StageCounters } from './counters.ts';
import type { GraphNode } from './graph.ts';
import { Queue } from './queue.ts';
import { BEGINNING_OF_TIME } from './time.ts';

/** What travels between stages: elements, and how far time has come after them. */
export interface Item {
  batch?: Batch;
  watermark: number;
  /** Which of the receiving stage's inputs it comes on. */
  input: number;
}

interface Edge {
  to: Stage;
  input: number;
}

export interface Stage {
  node: GraphNode;
  counters: StageCounters;
  inbox: Queue<Item>;
  inputWatermarks: number[];
  watermark: number;
  /** How long it has been at work, in ms of all batches together. */
  busyMs: number;
  /** Who reads which of its outputs. */
  outputs: Map<string, Edge[]>;
}

const QUEUED_ITEMS = 2;

/** The stages of a graph, connected; in the graph's order. */
export function connectStages(nodes: readonly GraphNode[], counters: Record<string, StageCounters>): Stage[] {
  const stages = nodes.map(
    (node): Stage => ({
      node,
      counters: counters[node.id] ?? emptyCounters(),
      inbox: new Queue(QUEUED_ITEMS),
      inputWatermarks: node.inputs.map(() => BEGINNING_OF_TIME),
      watermark: BEGINNING_OF_TIME,
      busyMs: 0,
      outputs: new Map(),
    }),
  );
  const byId = new Map(stages.map(stage => [stage.node.id, stage]));
  for (const to of stages) {
    for (const [input, { from, output }] of to.node.inputs.entries()) {
      const outputs = byId.get(from)?.outputs;
      outputs?.set(output, [...(outputs.get(output) ?? []), { to, input }]);
    }
  }
  return stages;
}

/** Counts the items that are queued or being processed, so that a checkpoint can wait until there are none. */
export class Flight {
  #items = 0;
  #landed: (() => void) | undefined;

  start(): void {
    this.#items++;
  }

  land(): void {
    if (--this.#items === 0) this.#landed?.();
  }

  async empty(): Promise<void> {
    if (this.#items > 0) await new Promise<void>(resolve => (this.#landed = resolve));
    this.#landed = undefined;
  }
}

/** Hands what a stage made to the stages that read it, and accounts for it. */
export async function emit(
  stage: Stage,
  taken: Batch | undefined,
  outcome: Outcome,
  flight: Flight,
  watermark = stage.watermark,
): Promise<void> {
  account(stage, taken, outcome);
  for (const [output, edges] of stage.outputs) {
    await send(edges, batchesOn(stage, output, outcome), watermark, flight);
  }
}

/** Lets a transform give what its windows amount to now; time moves on below it when everything has been given. */
async function emitClosed(stage: Stage, transform: Transform, flight: Flight): Promise<void> {
  const closed = (await transform.advance?.(stage.watermark)) ?? { good: [] };
  if (!(Symbol.asyncIterator in closed)) return emit(stage, undefined, closed, flight);
  for await (const outcome of closed) await emit(stage, undefined, outcome, flight, BEGINNING_OF_TIME);
  await emit(stage, undefined, { good: [] }, flight);
}

function batchesOn({ node }: Stage, output: string, { good, failed, named }: Outcome): readonly Batch[] {
  if (output === 'good') return good;
  if (output !== 'errors') return named?.[output] ?? [];
  const failedField = node.input?.form === 'text' ? node.input.field : undefined;
  return failed ? [{ ...failed, failedField }] : [];
}

/** Notes the watermark of an item; true when the stage's own, the least of its inputs', has moved. */
export function advance(stage: Stage, { input, watermark }: Item): boolean {
  if (watermark > (stage.inputWatermarks[input] ?? 0)) stage.inputWatermarks[input] = watermark;
  const least = Math.min(...stage.inputWatermarks);
  if (least <= stage.watermark) return false;
  stage.watermark = least;
  return true;
}

/**
 * Runs a transform until its queue closes. Up to `concurrency` batches are under way at once; what they give leaves
 * in the order in which they came.
 */
export function runTransform(stage: Stage, transform: Transform, flight: Flight): Promise<void> {
  return workInOrder<Outcome>(
    stage,
    transform.concurrency,
    item => (item.batch ? transform.process(item.batch, item.input) : { good: [] }),
    async (item, outcome) => {
      if (item.batch) await emit(stage, item.batch, outcome, flight);
      if (advance(stage, item)) await emitClosed(stage, transform, flight);
      flight.land();
    },
  );
}

/**
 * Begins each item of the stage's queue, until that closes, and finishes it: up to `concurrency` have begun at once,
 * and they are finished one by one in the order in which they came.
 */
export async function workInOrder<Result>(
  stage: Stage,
  concurrency = 1,
  begin: (item: Item) => Result | Promise<Result>,
  finish: (item: Item, result: Result) => Promise<void>,
): Promise<void> {
  const underWay = new Queue<{ item: Item; result: Result | Promise<Result> }>(concurrency);
  const finishing = (async () => {
    try {
      for (let next = await underWay.take(); next; next = await underWay.take()) {
        await finish(next.item, await next.result);
      }
    } finally {
      underWay.close();
    }
  })();
  const beginning = (async () => {
    try {
      for (let item = await stage.inbox.take(); item; item = await stage.inbox.take()) {
        const result = timed(stage, () => begin(item));
        if (concurrency === 1) await finish(item, await result);
        else {
          // The rejection is dealt with when its turn comes; until then it must not count as unhandled.
          if (result instanceof Promise) result.catch(() => {});
          await underWay.put({ item, result });
        }
      }
    } finally {
      underWay.close();
    }
  })();
  await Promise.all([finishing, beginning]);
}

/** Notes how long the stage was at work on one item. */
function timed<Result>(stage: Stage, work: () => Result | Promise<Result>): Result | Promise<Result> {
  const began = performance.now();
  const result = work();
  const note = () => {
    stage.busyMs += performance.now() - began;
  };
  if (result instanceof Promise) result.then(note, note);
  else note();
  return result;
}

function account({ node, counters }: Stage, taken: Batch | undefined, outcome: Outcome): void {
  const { good, named = {}, failed, filtered = 0, created = 0, merged = 0, late = 0 } = outcome;
  if (taken) {
    counters.in += taken.count;
    if (node.component.kind === 'sink') counters.bytesIn += payloadBytes(taken);
  }
  if (node.component.kind === 'source') {
    for (const batch of good) {
      const bytes = payloadBytes(batch);
      counters.bytesOut += bytes;
      noteAllocated(bytes);
    }
  }
  counters.out += elementsIn(good);
  for (const [name, batches] of Object.entries(named)) {
    counters.named[name] = (counters.named[name] ?? 0) + elementsIn(batches);
  }
  counters.filtered += filtered;
  counters.created += created;
  counters.merged += merged;
  counters.late += late;
  if (!failed || failed.count === 0) return;
  counters.failed += failed.count;
  for (const { code } of failed.failures ?? []) counters.errors[code] = (counters.errors[code] ?? 0) + 1;
  if (!node.errorHandling) throw unhandledFailure(node, failed);
}

const elementsIn = (batches: readonly Batch[]): number => batches.reduce((sum, { count }) => sum + count, 0);

function unhandledFailure(node: GraphNode, failed: Batch): SluiceError {
  const [first] = failed.failures ?? [];
  const position = positionOf(failed, 0);
  const where = position === undefined ? '' : ` at ${position}`;
  return new SluiceError(
    'ELEMENT_FAILED',
    `${node.id}: the element${where} failed: ${first?.message} [${first?.code}]`,
  );
}

async function send(
  edges: readonly Edge[],
  batches: readonly Batch[],
  watermark: number,
  flight: Flight,
): Promise<void> {
  for (const { to, input } of edges) {
    for (const batch of batches) {
      if (batch.count === 0) continue;
      flight.start();
      // Time moves only with the item below: these batches may be followed by more of the same age.
      await to.inbox.put({ batch, watermark: BEGINNING_OF_TIME, input });
    }
    if (watermark > (to.inputWatermarks[input] ?? 0)) {
      flight.start();
      await to.inbox.put({ watermark, input });
    }
  }
}
