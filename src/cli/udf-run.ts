/** `sluice udf run`: one element per line of standard input, one JSON line per element on standard output. */
import { once } from 'node:events';
import { loadConfig } from '../config.ts';
import type { Metadata } from '../engine/batch.ts';
import { SluiceError } from '../errors.ts';
import { type Fate, fatesOf } from '../udf/fates.ts';
import { loadScripts } from '../udf/load-scripts.ts';
import { openPool, type Pool } from '../udf/pool.ts';
import { checkFunctionName } from '../udf/scripts.ts';
import type { RunOptions } from './udf.ts';

const MAX_LINE_BYTES = 128 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Elements that fail are results too; throws only when the UDF or the input cannot be used. */
export async function runUdf(file: string, options: RunOptions): Promise<void> {
  const { timeoutMs, memoryMb, maxOutputBytes, function: name } = options;
  checkFunctionName(name);
  const pool = await openPool({
    scripts: await loadScripts(file, loadConfig()),
    ...(name !== undefined && { function: name }),
    limits: { timeoutMs, memoryMb, maxOutputBytes },
    rows: false,
    stage: 'JavaScriptUdf',
  });
  // Whoever reads our output may have seen enough, as `head` does.
  process.stdout.on('error', () => process.exit());
  try {
    await pump(pool, process.stdin, options.context ?? false);
  } finally {
    await pool.close();
  }
}

/** Keeps as many batches under way as the pool takes, and prints each as soon as those before it are printed. */
async function pump(pool: Pool, input: AsyncIterable<Buffer>, withContext: boolean): Promise<void> {
  const running: Promise<void>[] = [];
  let printed = Promise.resolve();
  let index = 0;
  let line = 0;
  const print = async (fates: Fate[]) => {
    const text = fates.map(fate => `${JSON.stringify({ index: index++, ...fate })}\n`).join('');
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  };
  for await (const lines of batchesOfLines(input)) {
    const opened = withContext ? lines.map(each => open(each, ++line)) : undefined;
    const elements = opened ? opened.map(({ payload }) => payload) : lines;
    const contexts = opened?.map(({ context }) => context);
    const fates = fatesOf(pool, elements, contexts);
    printed = Promise.all([fates, printed]).then(([each]) => print(each));
    printed.catch(() => {});
    running.push(printed);
    if (running.length >= pool.concurrency) await running.shift();
  }
  await printed;
}

/** The lines of the input, without their newlines, as they come; a last line may lack its newline. */
async function* batchesOfLines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of input) {
    const lines: Buffer[] = [];
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      lines.push(Buffer.concat([...begun, chunk.subarray(at, end)]));
      begun = [];
      begunBytes = 0;
      at = end + 1;
    }
    if (lines.length > 0) yield lines;
    if (at === chunk.length) continue;
    begun.push(chunk.subarray(at));
    begunBytes += chunk.length - at;
    if (begunBytes > MAX_LINE_BYTES) {
      throw new SluiceError(
        'ELEMENT_TOO_LARGE',
        `a line of the input is longer than ${MAX_LINE_BYTES} bytes`,
      );
    }
  }
  if (begunBytes > 0) yield [Buffer.concat(begun)];
}

function open(text: Buffer, line: number): { payload: Buffer; context: Metadata } {
  try {
    const { payload, context = {} } = JSON.parse(text.toString());
    if (payload === undefined || typeof context !== 'object' || context === null) throw new Error();
    return { payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)), context };
  } catch {
    throw new SluiceError(
      'USAGE',
      `line ${line} of the input is not of the form {"payload": …, "context": {…}}`,
    );
  }
}
