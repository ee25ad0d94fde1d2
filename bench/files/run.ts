/** `GCS_Text_to_GCS_Text` over 1 GB of 1 KB records with a parse-add-stringify UDF, against a plain Node script. */

import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Measured, measure, median } from '../measure.ts';
import { makeElements } from '../udf/elements.ts';

const RECORDS = 1_000_000;
const DISTINCT_RECORDS = 20_000;
const ROUNDS = 3;
const TARGETS = { wall: 0.9, cpu: 1.45, peakMb: 600 };

// Memory, so that the disk does not hide what the programs cost.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const root = join(import.meta.dirname, '../..');
const input = join(folder, 'in.ndjson');
generate(input);
const plain: Measured[] = [];
const sluice: Measured[] = [];
for (let round = 0; round < ROUNDS; round++) {
  plain.push(
    await measure(process.execPath, [
      join(import.meta.dirname, 'plain.js'),
      input,
      join(folder, 'plain.ndjson'),
    ]),
  );
  sluice.push(await runSluice());
  requireEqual();
}

const of = (runs: Measured[], field: 'wallSeconds' | 'cpuSeconds' | 'peakBytes') =>
  median(runs.map(run => run[field]));
const wall = of(sluice, 'wallSeconds') / of(plain, 'wallSeconds');
const cpu = of(sluice, 'cpuSeconds') / of(plain, 'cpuSeconds');
const peakMb = Math.max(...sluice.map(run => run.peakBytes)) / 1e6;
for (const [name, runs] of [
  ['plain Node', plain],
  ['sluice', sluice],
] as const) {
  console.log(
    `${name.padEnd(12)} wall ${of(runs, 'wallSeconds').toFixed(2)} s   cpu ${of(runs, 'cpuSeconds').toFixed(2)} s   peak ${(of(runs, 'peakBytes') / 1e6).toFixed(0)} MB`,
  );
}
console.log(`wall ratio ${wall.toFixed(2)} (target at most ${TARGETS.wall})`);
console.log(`cpu ratio  ${cpu.toFixed(2)} (target at most ${TARGETS.cpu})`);
console.log(`peak       ${peakMb.toFixed(0)} MB of all processes (target under ${TARGETS.peakMb})`);

function runSluice(): Promise<Measured> {
  const parameters = {
    inputFilePattern: input,
    outputDirectory: join(folder, 'out'),
    javascriptTextTransformGcsPath: join(import.meta.dirname, 'udf.js'),
    javascriptTextTransformFunctionName: 'transform',
  };
  const args = ['run', 'GCS_Text_to_GCS_Text', '--json', '--parameters', JSON.stringify(parameters)];
  return measure(join(root, 'bin/sluice'), args, { SLUICE_HOME: join(folder, 'home') });
}

/** Both must have done the same work: byte for byte. */
function requireEqual(): void {
  const [name = ''] = readdirSync(join(folder, 'out')).filter(each => each.startsWith('output'));
  const hashes = [join(folder, 'plain.ndjson'), join(folder, 'out', name)].map(hashOf);
  if (!isDeepStrictEqual(hashes[0], hashes[1])) throw new Error('the outputs differ');
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The same records as in `bench/udf`, written over and over. */
function generate(path: string): void {
  const text = `${makeElements(1000, DISTINCT_RECORDS).join('\n')}\n`;
  const file = openSync(path, 'w');
  for (let i = 0; i < RECORDS; i += DISTINCT_RECORDS) writeSync(file, text);
  closeSync(file);
}
