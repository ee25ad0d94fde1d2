/**
 * How many rows a second MapToFields and Filter take, from lines of JSON to lines of JSON, against a plain loop that
 * parses, does the same and writes, in the same process and the same rounds. Prints a table; `--json` gives figures.
 */
import { parseArgs } from 'node:util';
import { type Batch, payloadOf } from '../../src/engine/batch.ts';
import type { Component, StageContext, Transform } from '../../src/engine/component.ts';
import { splitLines } from '../../src/formats/lines.ts';
import { filter } from '../../src/transforms/filter.ts';
import { mapToFields } from '../../src/transforms/map-to-fields.ts';
import { median } from '../measure.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    ms: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const ms = Number(values.ms);
const BATCH_BYTES = 256 * 1024;
const BATCHES = 16;

interface Row {
  id: number;
  user: string;
  price: number;
  count: number;
}

interface Measured {
  name: string;
  transform: Transform;
  /** The line that a row becomes; undefined: none. */
  plain(row: Row): string | undefined;
}

const batches = Array.from({ length: BATCHES }, (_, i) => batchOfRows(i));
const jobs: Measured[] = [
  {
    name: 'Filter, generic',
    transform: await open(filter, { keep: 'count > 50', language: 'generic' }),
    plain: row => (row.count > 50 ? JSON.stringify(row) : undefined),
  },
  {
    name: 'Filter, javascript',
    transform: await open(filter, { keep: 'count > 50 && price < 500', language: 'javascript' }),
    plain: row => (row.count > 50 && row.price < 500 ? JSON.stringify(row) : undefined),
  },
  {
    name: 'MapToFields, generic',
    transform: await open(mapToFields, {
      language: 'generic',
      append: false,
      fields: { order: 'id', user: 'user', large: 'price > 500', currency: '"EUR"' },
    }),
    plain: ({ id, user, price }) => JSON.stringify({ order: id, user, large: price > 500, currency: 'EUR' }),
  },
  {
    name: 'MapToFields, javascript',
    transform: await open(mapToFields, {
      language: 'javascript',
      append: false,
      fields: { order: 'id', user: 'user.toUpperCase()', total: 'price * count', large: 'price > 500' },
    }),
    plain: ({ id, user, price, count }) =>
      JSON.stringify({ order: id, user: user.toUpperCase(), total: price * count, large: price > 500 }),
  },
];

const rows: Awaited<ReturnType<typeof measure>>[] = [];
for (const job of jobs) rows.push(await measure(job));
for (const { transform } of jobs) await transform.close?.();
if (values.json) console.log(JSON.stringify(rows));
else print();

/** The medians of interleaved rounds, after one to warm up. */
async function measure({ name, transform, plain }: Measured) {
  const figures: { ours: number; loop: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const loop = await rate(1, async batch => plainly(batch, plain));
    const ours = await rate(transform.concurrency ?? 1, batch => through(transform, batch));
    figures.push({ ours, loop });
  }
  const measured = figures.slice(1);
  const ours = median(measured.map(each => each.ours));
  const loop = median(measured.map(each => each.loop));
  return { name, ours: Math.round(ours), loop: Math.round(loop), ratio: ours / loop };
}

/** Rows a second, with so many batches under way. */
async function rate(lanes: number, run: (batch: Batch) => Promise<number>): Promise<number> {
  const begun = performance.now();
  let next = 0;
  let done = 0;
  const work = Array.from({ length: lanes }, async () => {
    while (performance.now() - begun < ms) {
      const batch = batches[next++ % BATCHES];
      if (!batch) return;
      // A batch keeps the rows it was parsed to: each turn has one of its own.
      await run({ ...batch });
      done += batch.count;
    }
  });
  await Promise.all(work);
  return (done * 1000) / (performance.now() - begun);
}

/** The bytes of what comes out, which are made when they are asked for. */
async function through(transform: Transform, batch: Batch): Promise<number> {
  const { good } = await transform.process(batch);
  return good.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function plainly(batch: Batch, map: Measured['plain']): number {
  const lines: string[] = [];
  for (let i = 0; i < batch.count; i++) {
    const line = map(JSON.parse(payloadOf(batch, i).toString()));
    if (line !== undefined) lines.push(line);
  }
  return Buffer.from(`${lines.join('\n')}\n`).length;
}

function batchOfRows(seed: number): Batch {
  const lines: string[] = [];
  for (let bytes = 0, i = seed * 10_000; bytes < BATCH_BYTES; i++) {
    const note = 'n'.repeat(40);
    const row = { id: i, user: `user-${i % 977}`, price: (i * 37) % 1000, count: (i * 13) % 100, note };
    const line = JSON.stringify({ ...row, tags: ['alpha', 'beta'], place: { city: 'Berlin', zip: '10115' } });
    lines.push(line.padEnd(199));
    bytes += 200;
  }
  return splitLines(Buffer.from(`${lines.join('\n')}\n`));
}

async function open(component: Component, config: unknown): Promise<Transform> {
  if (component.kind !== 'transform') throw new Error(`${component.name} is no transform`);
  const context: StageContext = {
    stage: 'Bench',
    jobId: 'bench',
    keptAs: { jobId: 'bench', stage: 'Bench' },
    config: { home: '/' },
    worker: { index: 0, count: 1 },
    streaming: false,
    deadLetter: false,
    input: { form: 'row' },
    inputs: [{ type: { form: 'row' } }],
    windowing: { type: 'global' },
    jobDirectory: '/',
    report: () => {},
  };
  return component.open(config, context);
}

function print(): void {
  const cell = (value: number | string) => String(value).padStart(14);
  console.log(`${'transform'.padEnd(26)}${['rows/s', 'plain loop', 'ratio'].map(cell).join('')}`);
  for (const { name, ours, loop, ratio } of rows)
    console.log(`${name.padEnd(26)}${[ours, loop, ratio.toFixed(2)].map(cell).join('')}`);
}
