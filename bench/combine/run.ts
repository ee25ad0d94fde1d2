/** Combine over 10 million rows, of a thousand and of a million keys, against a plain Node loop with a Map. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure } from '../measure.ts';

const ROWS = 10_000_000;
const TARGET_MB = 500;

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const root = join(import.meta.dirname, '../..');
const input = join(folder, 'in.ndjson');
for (const keys of [1000, 1_000_000]) await compare(keys);

async function compare(keys: number): Promise<void> {
  generate(input, keys);
  const plain = await measure(process.execPath, [
    join(import.meta.dirname, 'plain.js'),
    input,
    join(folder, 'plain.ndjson'),
  ]);
  const sluice = await runSluice();
  if (hashOf(join(folder, 'plain.ndjson')) !== hashOf(outputFile())) throw new Error('the groups differ');
  console.log(`${ROWS.toLocaleString('en')} rows, ${keys.toLocaleString('en')} keys`);
  for (const [name, { wallSeconds, cpuSeconds, peakBytes }] of [
    ['plain Node', plain],
    ['sluice', sluice],
  ] as const) {
    const rate = Math.round(ROWS / wallSeconds).toLocaleString('en');
    console.log(
      `${name.padEnd(12)} ${rate} rows/s   wall ${wallSeconds.toFixed(1)} s   cpu ${cpuSeconds.toFixed(1)} s   peak ${(peakBytes / 1e6).toFixed(0)} MB`,
    );
  }
  console.log(`wall ratio ${(sluice.wallSeconds / plain.wallSeconds).toFixed(2)}`);
  console.log(
    `peak       ${(sluice.peakBytes / 1e6).toFixed(0)} MB of all processes (target under ${TARGET_MB})`,
  );
}

function runSluice(): Promise<Measured> {
  const pipeline = `
pipeline:
  type: chain
  transforms:
    - type: ReadFromJson
      config: {path: ${input}}
    - type: Combine
      config:
        group_by: user
        combine: {count: {value: score, fn: count}, total: {value: score, fn: sum}}
    - type: WriteToJson
      config: {path: ${folder}/out/groups}
`;
  writeFileSync(join(folder, 'pipeline.yaml'), pipeline);
  return measure(join(root, 'bin/sluice'), ['run', '--json', '--pipeline', join(folder, 'pipeline.yaml')], {
    SLUICE_HOME: join(folder, 'home'),
  });
}

function outputFile(): string {
  return join(folder, 'out', readdirSync(join(folder, 'out'))[0] ?? '');
}

/** Of the lines in order: who groups gives no order. */
function hashOf(path: string): string {
  const lines = readFileSync(path, 'utf8').split('\n').sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** What has the same key lies far apart. */
function generate(path: string, keys: number): void {
  const file = openSync(path, 'w');
  let text = '';
  for (let i = 0; i < ROWS; i++) {
    const key = (i * 7_919) % keys;
    text += `{"user":"user-${key}","score":${i % 1000},"page":"/products/${i % 977}"}\n`;
    if (text.length < 1 << 20) continue;
    writeSync(file, text);
    text = '';
  }
  writeSync(file, text);
  closeSync(file);
}
