/** Runs one UDF in several child processes: batches in, outcomes out, whatever happens to a child. */
import { availableParallelism } from 'node:os';
import type { Batch } from '../engine/batch.ts';
import type { Outcome } from '../engine/component.ts';
import type { UdfLimits, UdfScript } from './frames.ts';
import { outcomeOf } from './outcome.ts';
import { prepare } from './prepared.ts';
import { createSlot, type Loaded, type Slot } from './slot.ts';

export interface PoolOptions {
  scripts: UdfScript[];
  /** Absent: `process`, or else `transform`. */
  function?: string;
  limits: UdfLimits;
  /** Every output must be a JSON object. */
  rows: boolean;
  /** Full name of the transform, for its failures. */
  stage: string;
  /** How many child processes; default: one per core, four at most. */
  slots?: number;
}

export interface Pool {
  /** Name of the function that is called. */
  readonly function: string;
  /** How many batches keep all children busy. */
  readonly concurrency: number;
  /** Outcomes may come in another order than the batches; each has the order of its batch. */
  run(batch: Batch): Promise<Outcome>;
  /** Uses these scripts from the next batch on; when they cannot be loaded, throws and goes on with the last. */
  replace(scripts: UdfScript[]): Promise<void>;
  close(): Promise<void>;
}

const MAX_DEFAULT_SLOTS = 4;
/** One batch at work and one on its way keep a child busy. */
const BATCHES_PER_SLOT = 2;

/** Loads the UDF in a first child, so that one that cannot be used is refused here; others start when needed. */
export async function openPool(options: PoolOptions): Promise<Pool> {
  const { stage, limits } = options;
  const size = options.slots ?? Math.min(availableParallelism(), MAX_DEFAULT_SLOTS);
  let scripts = options.scripts;
  let { slots, facts } = await load(scripts);

  return {
    get function() {
      return facts.function;
    },
    concurrency: size * BATCHES_PER_SLOT,
    async run(batch) {
      const prepared = prepare(batch, facts.wantsContext);
      const terms = { stage, function: facts.function, limits };
      const parts = prepared.count === 0 ? [] : await choose().run(prepared);
      return outcomeOf(batch, prepared, parts, terms);
    },
    async replace(next) {
      const fresh = await load(next);
      for (const slot of slots) slot.retire();
      ({ slots, facts } = fresh);
      scripts = next;
    },
    async close() {
      await Promise.all(slots.map(slot => slot.close()));
    },
  };

  async function load(given: UdfScript[]): Promise<{ slots: Slot[]; facts: Loaded }> {
    const slot = open(given);
    try {
      return { slots: [slot], facts: await slot.loaded };
    } catch (error) {
      await slot.close();
      throw error;
    }
  }

  function open(given: UdfScript[]): Slot {
    return createSlot({ scripts: given, function: options.function, rows: options.rows, ...limits });
  }

  /** The slot with the least to do; a new one while all are busy and there may be more. */
  function choose(): Slot {
    const idlest = slots.reduce((best, slot) => (slot.pending < best.pending ? slot : best));
    if (idlest.pending < BATCHES_PER_SLOT || slots.length >= size) return idlest;
    const slot = open(scripts);
    slots.push(slot);
    return slot;
  }
}
