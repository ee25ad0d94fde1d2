/**
 * How fast elements pass through the sandbox, from bytes in the parent to bytes in the parent, against the same
 * function called raw in V8 in the same rounds. Prints a table; `--json` gives the figures.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type Batch, batchOf } from '../../src/engine/batch.ts';
import { openPool, type Pool } from '../../src/udf/pool.ts';
import { makeElements, SOURCE } from './elements.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '400' },
    batch: { type: 'string', default: '131072' },
    sizes: { type: 'string', default: '200,1024,8192' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const ms = Number(values.ms);
const TARGETS = { one: 0.8, two: 1.25 };

interface Row {
  bytes: number;
  raw: number;
  one: number;
  two: number;
}

const limits = { timeoutMs: 1000, memoryMb: 128, maxOutputBytes: 10 * 1024 * 1024 };
const scripts = [{ name: 'add.js', source: SOURCE, module: false }];
const open = (slots: number) => openPool({ scripts, limits, rows: false, stage: 'bench', slots });
const raw = fork(new URL('./raw.ts', import.meta.url), {
  execArgv: ['--disable-warning=ExperimentalWarning'],
});
const [one, two] = await Promise.all([open(1), open(2)]);

const rows: Row[] = [];
for (const bytes of values.sizes.split(',').map(Number)) rows.push(await measure(bytes));
await Promise.all([one.close(), two.close()]);
raw.disconnect();

if (values.json) console.log(JSON.stringify(rows));
else print(rows);

/** The median of interleaved rounds, after one to warm up. */
async function measure(bytes: number): Promise<Row> {
  const count = Math.max(512, Math.ceil((4 * 1024 * 1024) / bytes));
  const batches = batchesOf(makeElements(bytes, count), Number(values.batch));
  const rates: Omit<Row, 'bytes'>[] = [];
  for (let round = 0; round <= rounds; round++) {
    rates.push({
      raw: await rawRate(bytes, count),
      one: await rate(one, batches),
      two: await rate(two, batches),
    });
  }
  const figures = rates.slice(1);
  const pick = (key: keyof Omit<Row, 'bytes'>) => median(figures.map(each => each[key]));
  return { bytes, raw: pick('raw'), one: pick('one'), two: pick('two') };
}

async function rawRate(bytes: number, count: number): Promise<number> {
  raw.send({ bytes, count, ms });
  const [figure] = await once(raw, 'message');
  return figure as number;
}

/** Elements per second with as many batches under way as the pool takes. */
async function rate(pool: Pool, batches: Batch[]): Promise<number> {
  const begun = performance.now();
  let next = 0;
  let done = 0;
  const lanes = Array.from({ length: pool.concurrency }, async () => {
    while (performance.now() - begun < ms) {
      const batch = batches[next++ % batches.length];
      if (!batch) return;
      const { good } = await pool.run(batch);
      for (const { count } of good) done += count;
    }
  });
  await Promise.all(lanes);
  return (done * 1000) / (performance.now() - begun);
}

function batchesOf(elements: string[], batchBytes: number): Batch[] {
  const batches: Batch[] = [];
  let group: string[] = [];
  let bytes = 0;
  for (const element of elements) {
    group.push(element);
    bytes += element.length + 1;
    if (bytes < batchBytes) continue;
    batches.push(linesOf(group));
    group = [];
    bytes = 0;
  }
  return batches;
}

/** As a text source gives them: side by side, each followed by a newline. */
function linesOf(elements: string[]): Batch {
  const { starts, ends } = batchOf(elements.map(element => `${element}\n`));
  return {
    count: elements.length,
    bytes: Buffer.from(`${elements.join('\n')}\n`),
    starts,
    ends: ends.map(end => end - 1),
    lines: true,
  };
}

function median(figures: number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? 0;
}

function print(table: Row[]): void {
  const cell = (value: number | string) => String(value).padStart(14);
  console.log(['element', 'raw el/s', '1 child', 'ratio', '2 children', 'ratio'].map(cell).join(''));
  for (const { bytes, raw: ceiling, one: single, two: double } of table) {
    const figures = [
      `${bytes} B`,
      Math.round(ceiling),
      Math.round(single),
      (single / ceiling).toFixed(2),
      Math.round(double),
      (double / ceiling).toFixed(2),
    ];
    console.log(figures.map(cell).join(''));
  }
  console.log(`targets: one child ${TARGETS.one}, two children ${TARGETS.two} (medians of ${rounds} rounds)`);
}
