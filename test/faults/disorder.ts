/** Events out of order, some of them late, the same for the same seed; and a source of them that knows the time. */
import { setTimeout } from 'node:timers/promises';
import { batchOf } from '../../src/engine/batch.ts';
import { defineSource } from '../../src/engine/component.ts';
import { END_OF_TIME } from '../../src/engine/time.ts';
import { randomOf } from '../transforms/grouping/random.ts';

export interface Event {
  id: number;
  key: string;
  value: number;
  /** Event time, ms. */
  time: number;
}

const EVENTS = 40_000;
const STEP_MS = 10;
const KEYS = 400;
export const BATCH_EVENTS = 200;

export function makeEvents(seed: number): Event[] {
  const random = randomOf(seed);
  return Array.from({ length: EVENTS }, (_, id) => {
    const behind = random() < 0.1 ? random() * 60_000 : random() * 2000;
    return {
      id,
      key: `k${Math.floor(random() ** 2 * KEYS)}`,
      value: random() < 0.5 ? Math.floor(random() * 100) : random(),
      time: Math.round(id * STEP_MS - behind),
    };
  });
}

/** What the source says after so many events: those further behind are late. */
export const watermarkAfter = (events: number): number =>
  events >= EVENTS ? END_OF_TIME : events * STEP_MS - 3000;

export const disorder = defineSource({
  name: 'Disorder',
  summary: 'Gives events out of order.',
  config: { type: 'object', required: ['seed'], properties: { seed: { type: 'integer' } } },
  examples: [],
  output: () => ({ form: 'row' }),
  open: async ({ seed }, { restored }) => {
    const events = makeEvents(seed);
    let next = typeof restored === 'number' ? restored : 0;
    return {
      async read() {
        const part = events.slice(next, next + BATCH_EVENTS);
        if (part.length === 0) return 'end';
        next += part.length;
        // Time for checkpoints on the way.
        await setTimeout(2);
        return batchOf(
          part.map(({ id, key, value }) => JSON.stringify({ id, key, value })),
          { times: Float64Array.from(part, ({ time }) => time) },
        );
      },
      watermark: () => watermarkAfter(next),
      snapshot: () => next,
      close: async () => {},
    };
  },
});
