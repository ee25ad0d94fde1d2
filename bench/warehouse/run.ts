/** NDJSON into a table: the template `GCS_Text_to_BigQuery` against DuckDB's own reader of JSON, in the same run. */
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import { type Measured, measure, median } from '../measure.ts';

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = 3;

// Memory, so that the disk does not hide what the programs cost.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const root = join(import.meta.dirname, '../..');
const input = join(folder, 'in.ndjson');
generate(input);
const plain: Measured[] = [];
const sluice: Measured[] = [];
for (let round = 0; round < ROUNDS; round++) {
  plain.push(await runPlain(join(folder, `plain-${round}.duckdb`)));
  const home = join(folder, `home-${round}`);
  sluice.push(await runSluice(home));
  await requireEqual(home, join(folder, `plain-${round}.duckdb`));
  rmSync(home, { recursive: true });
  rmSync(join(folder, `plain-${round}.duckdb`));
}

const of = (runs: Measured[], field: 'wallSeconds' | 'cpuSeconds' | 'peakBytes') =>
  median(runs.map(run => run[field]));
console.log(`${RECORDS.toLocaleString('en')} records, ${(statSync(input).size / 1e6).toFixed(0)} MB`);
for (const [name, runs] of [
  ['DuckDB', plain],
  ['sluice', sluice],
] as const) {
  const wall = of(runs, 'wallSeconds');
  console.log(
    `${name.padEnd(8)} wall ${wall.toFixed(2)} s   cpu ${of(runs, 'cpuSeconds').toFixed(2)} s   peak ${(of(runs, 'peakBytes') / 1e6).toFixed(0)} MB   ${Math.round(RECORDS / wall).toLocaleString('en')} rows/s`,
  );
}
console.log(`wall ratio ${(of(sluice, 'wallSeconds') / of(plain, 'wallSeconds')).toFixed(2)}`);
console.log(`cpu ratio  ${(of(sluice, 'cpuSeconds') / of(plain, 'cpuSeconds')).toFixed(2)}`);

function runPlain(file: string): Promise<Measured> {
  return measure(process.execPath, [join(import.meta.dirname, 'plain.ts'), input, file]);
}

function runSluice(home: string): Promise<Measured> {
  const parameters = { inputFilePattern: input, outputTable: 'bench.records' };
  const args = ['run', 'GCS_Text_to_BigQuery', '--json', '--parameters', JSON.stringify(parameters)];
  return measure(join(root, 'bin/sluice'), args, { SLUICE_HOME: home });
}

/** Both must have done the same work: the same rows. */
async function requireEqual(home: string, plainFile: string): Promise<void> {
  const attached = [
    { file: datasetFile(parseTableName('bench.records'), { home }), as: 'a', readOnly: true },
    { file: plainFile, as: 'b', readOnly: true },
  ];
  await withDatabases(attached, {}, async connection => {
    const sums = await connection.runAndReadAll(
      ['a', 'b']
        .map(
          each =>
            `SELECT count(*), sum(id), sum(delay), count(DISTINCT carrier), max(time)::VARCHAR FROM ${each}.main.records`,
        )
        .join(' UNION '),
    );
    if (sums.currentRowCount !== 1)
      throw new Error(`the tables differ: ${JSON.stringify(sums.getRowsJson())}`);
  });
}

function generate(path: string): void {
  const file = openSync(path, 'w');
  for (let i = 0; i < RECORDS; i += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, RECORDS - i) }, (_, n) =>
      JSON.stringify({
        id: i + n,
        carrier: `C${(i + n) % 17}`,
        origin: 'ABQ',
        destination: 'ZRH',
        time: new Date(1_700_000_000_000 + (i + n) * 1000).toISOString(),
        delay: ((i + n) % 600) / 4 + 0.25,
        cancelled: n % 50 === 0,
        note: 'a remark of some length, as they have it',
      }),
    );
    writeSync(file, `${lines.join('\n')}\n`);
  }
  closeSync(file);
}
