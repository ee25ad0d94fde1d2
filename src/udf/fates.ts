/** What became of each element by itself, in the order of the input: for the command line and the cases. */
import { batchOf, type Metadata, payloadOf } from '../engine/batch.ts';
import type { Pool } from './pool.ts';

export type Fate =
  | { status: 'output'; payload: string }
  | { status: 'filtered' }
  | { status: 'error'; code: string; message: string; stack?: string };

/** Runs elements as one batch. */
export async function fatesOf(pool: Pool, elements: Buffer[], metadata?: Metadata[]): Promise<Fate[]> {
  const fates = elements.map((): Fate => ({ status: 'filtered' }));
  // Times go with the elements, so a time that is an index tells which element it was.
  const times = Float64Array.from(elements, (_, i) => i);
  const { good, failed } = await pool.run(batchOf(elements, { times, ...(metadata && { metadata }) }));
  for (const batch of good) {
    for (let i = 0; i < batch.count; i++) {
      fates[batch.times?.[i] ?? 0] = { status: 'output', payload: payloadOf(batch, i).toString() };
    }
  }
  for (const [i, { code, message, stack }] of (failed?.failures ?? []).entries()) {
    fates[failed?.times?.[i] ?? 0] = {
      status: 'error',
      code,
      message,
      ...(stack !== undefined && { stack }),
    };
  }
  return fates;
}
