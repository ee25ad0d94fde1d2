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

/** Elements per second. */
interface Rates {
  raw: number;
  one: number;
  two: number;
}

interface Row {
  bytes: number;
  /** The best round of each, which other work on the machine disturbed least. */
  best: Rates;
  /** Median over the rounds of a round's rate by the raw rate of the same round. */
  ratios: Omit<Rates, 'raw'>;
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

/** Interleaved rounds, after one to warm up. */
async function measure(bytes: number): Promise<Row> {
  const count = Math.max(512, Math.ceil((4 * 1024 * 1024) / bytes));
  const batches = batchesOf(makeElements(bytes, count), Number(values.batch));
  const all: Rates[] = [];
  for (let round = 0; round <= rounds; round++) {
    all.push({
      raw: await rawRate(bytes, count),
      one: await rate(one, batches),
      two: await rate(two, batches),
    });
  }
  const counted = all.slice(1);
  const best = (key: keyof Rates) => Math.max(...counted.map(each => each[key]));
  const ratio = (key: 'one' | 'two') => median(counted.map(each => each[key] / each.raw));
  return {
    bytes,
    best: { raw: best('raw'), one: best('one'), two: best('two') },
    ratios: { one: ratio('one'), two: ratio('two') },
  };
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
  const line = (cells: (number | string)[]) =>
    console.log(cells.map(cell => String(cell).padStart(13)).join(''));
  line(['', 'raw el/s', '1 child', 'best ratio', 'median ratio', '2 children', 'best ratio', 'median ratio']);
  for (const { bytes, best, ratios } of table) {
    const cells = (key: 'one' | 'two') => [
      Math.round(best[key]),
      (best[key] / best.raw).toFixed(2),
      ratios[key].toFixed(2),
    ];
    line([`${bytes} B`, Math.round(best.raw), ...cells('one'), ...cells('two')]);
  }
  console.log(
    `targets: ${TARGETS.one} with one child, ${TARGETS.two} with two; ${rounds} rounds of ${ms} ms`,
  );
}
