/** Opens pools that the test closes, and tells what became of each element. */
import { readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type Batch, batchOf, type Metadata, payloadOf } from '../../src/engine/batch.ts';
import type { Outcome } from '../../src/engine/component.ts';
import { defaultLimits } from '../../src/udf/limits.ts';
import { openPool, type Pool, type PoolOptions } from '../../src/udf/pool.ts';

/** A pool of one slot, unless said otherwise, with short limits. */
export async function openTestPool(
  t: TestContext,
  source: string,
  options: Partial<PoolOptions> & { timeoutMs?: number; memoryMb?: number; maxOutputBytes?: number } = {},
): Promise<Pool> {
  const { timeoutMs = 150, memoryMb = 64, maxOutputBytes = defaultLimits.maxOutputBytes, ...rest } = options;
  const pool = await openPool({
    scripts: [{ name: 'test.js', source, module: false }],
    limits: { timeoutMs, memoryMb, maxOutputBytes },
    rows: false,
    stage: 'Test',
    slots: 1,
    ...rest,
  });
  t.after(() => pool.close());
  return pool;
}

/** What became of an element: its output, `null` when it was filtered, or the code of its failure. */
export type Fate = string | null | { code: string; message: string; stack?: string };

/** The fates of elements, in order; checks that each has exactly one. */
export async function fatesOf(
  pool: Pool,
  elements: (string | Buffer)[],
  metadata?: Metadata[],
): Promise<Fate[]> {
  const times = Float64Array.from(elements, (_, i) => i);
  const batch = batchOf(elements, { times, ...(metadata && { metadata }) });
  return fatesIn(batch, await pool.run(batch));
}

/** The fates of a batch whose times are its indices. */
export function fatesIn(batch: Batch, outcome: Outcome): Fate[] {
  const fates: (Fate | undefined)[] = new Array(batch.count).fill(undefined);
  let last = -1;
  for (const good of outcome.good) {
    for (let i = 0; i < good.count; i++) {
      const index = good.times?.[i] ?? -1;
      if (index <= last) throw new Error(`element ${index} came after ${last}`);
      last = index;
      fates[index] = payloadOf(good, i).toString();
    }
  }
  const { failed } = outcome;
  for (let i = 0; i < (failed?.count ?? 0); i++) {
    const index = failed?.times?.[i] ?? -1;
    if (fates[index] !== undefined) throw new Error(`element ${index} is both good and failed`);
    const { transform: _, ...failure } = failed?.failures?.[i] ?? { code: '?', message: '?', transform: '' };
    fates[index] = failure;
  }
  const filtered = fates.filter(fate => fate === undefined).length;
  if (filtered !== (outcome.filtered ?? 0)) {
    throw new Error(`${filtered} elements are missing, ${outcome.filtered} are said to be filtered`);
  }
  return fates.map(fate => fate ?? null);
}

/** The fates with failures as their code alone. */
export const codesOf = (fates: Fate[]): (string | null)[] =>
  fates.map(fate => (typeof fate === 'object' && fate !== null ? fate.code : fate));

/** The live child processes that run a UDF, of this process. */
export function udfChildren(parent = process.pid): number[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .map(Number)
    .filter(pid => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const alive = !/^State:\s+Z/m.test(status) && status.includes(`\nPPid:\t${parent}\n`);
        return alive && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('udf/child/main');
      } catch {
        return false;
      }
    });
}

/** Resident memory of this process, in MB. */
export const residentMb = (): number => process.memoryUsage.rss() / (1024 * 1024);

export async function until(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still not so after ${withinMs} ms: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
