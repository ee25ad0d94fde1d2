/** Lines of JSON into files of Avro and Parquet, and back, against the plainest loops over the libraries. */
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { appendFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure, median } from '../measure.ts';

const RECORDS = Number(process.env.RECORDS ?? 2_000_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const TARGET = 0.8;
const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));

const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'customer', type: 'string' },
    { name: 'price', type: 'double' },
    { name: 'paid', type: 'boolean' },
    { name: 'note', type: 'string' },
  ],
});
const orderOf = (id: number): string =>
  JSON.stringify({
    id,
    customer: `customer ${id % 1000}`,
    price: (id % 9973) / 4 + 0.1,
    paid: id % 3 === 0,
    note: `${id * 7919} ${'x'.repeat(100)}`,
  });

try {
  const input = join(folder, 'in.ndjson');
  for (let id = 0; id < RECORDS; id += 10_000)
    await appendFile(input, Array.from({ length: 10_000 }, (_, i) => `${orderOf(id + i)}\n`).join(''));
  console.log(
    `${RECORDS.toLocaleString('en')} records, ${Math.round((await stat(input)).size / 1e6)} MB of JSON`,
  );
  for (const [format, type] of [
    ['avro', 'Avro'],
    ['parquet', 'Parquet'],
  ] as const) {
    const file = join(folder, `one.${format}`);
    await compare(
      `JSON to ${type}`,
      ['write', input, file],
      [
        ['ReadFromJson', `{path: ${input}}`],
        [`WriteTo${type}`, `{path: ${join(folder, 'out')}, schema: ${SCHEMA}}`],
      ],
      format,
    );
    await compare(
      `${type} to JSON`,
      ['read', file, join(folder, 'plain.ndjson')],
      [
        [`ReadFrom${type}`, `{path: ${file}}`],
        ['WriteToJson', `{path: ${join(folder, 'out')}}`],
      ],
      format,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function compare(
  name: string,
  given: string[],
  transforms: [string, string][],
  format: string,
): Promise<void> {
  const plain: Measured[] = [];
  const ours: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(
      await measure(process.execPath, [join(import.meta.dirname, 'plain.js'), format, ...given, SCHEMA]),
    );
    ours.push(await sluice(transforms));
  }
  tell('plain ', name, plain);
  tell('sluice', name, ours);
  console.log(`   speed ratio ${(wallOf(plain) / wallOf(ours)).toFixed(2)} (target at least ${TARGET})`);
}

async function sluice(transforms: [string, string][]): Promise<Measured> {
  for (const path of globSync(join(folder, 'out*'))) rmSync(path);
  const steps = transforms.map(([type, config]) => `    - {type: ${type}, config: ${config}}\n`).join('');
  const parameters = { yaml_pipeline: `pipeline:\n  type: chain\n  transforms:\n${steps}` };
  const args = ['run', 'Yaml_Template', '--json', '--parameters', JSON.stringify(parameters)];
  return measure(join(root, 'bin/sluice'), args, { SLUICE_HOME: join(folder, 'home') });
}

function wallOf(runs: Measured[]): number {
  return median(runs.map(({ wallSeconds }) => wallSeconds));
}

function tell(who: string, what: string, runs: Measured[]): void {
  const cpu = median(runs.map(({ cpuSeconds }) => cpuSeconds));
  const peak = Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 1e6;
  const rate = Math.round(RECORDS / wallOf(runs)).toLocaleString('en');
  console.log(
    `${who} ${what.padEnd(16)} ${rate} records/s   wall ${wallOf(runs).toFixed(1)} s   cpu ${cpu.toFixed(1)} s   peak ${Math.round(peak)} MB`,
  );
}
