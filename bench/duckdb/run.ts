/** Files to tables of the warehouse, against the plainest loop over DuckDB's appender and DuckDB's own reader of JSON. */
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import { type Measured, measure, tell } from '../measure.ts';

const RECORDS = Number(process.env.RECORDS ?? 1_000_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const TARGET = 0.8;
const NOTES = ['remark', 'origin', 'destination', 'address', 'comment', 'history', 'reason'];
const COLUMNS = {
  id: 'BIGINT',
  carrier: 'VARCHAR',
  time: 'TIMESTAMPTZ',
  delay: 'DOUBLE',
  cancelled: 'BOOLEAN',
  ...Object.fromEntries(NOTES.map(name => [name, 'VARCHAR'])),
};

const root = join(import.meta.dirname, '../..');
// Memory, so that the disk does not hide what the programs cost.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const input = join(folder, 'in.ndjson');
generate(input);
console.log(`${RECORDS.toLocaleString('en')} records, ${(statSync(input).size / 1e6).toFixed(0)} MB`);
for (const withUdf of [false, true]) {
  const own: Measured[] = [];
  const plain: Measured[] = [];
  const sluice: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [ownFile, plainFile, home] = ['own.duckdb', 'plain.duckdb', 'home'].map(name => join(folder, name));
    const given = [input, plainFile ?? '', JSON.stringify(columnsOf(withUdf)), ...(withUdf ? ['udf'] : [])];
    plain.push(await measure(process.execPath, [join(import.meta.dirname, 'plain.js'), ...given]));
    sluice.push(await runSluice(home ?? '', withUdf));
    await requireEqual(home ?? '', plainFile ?? '');
    if (!withUdf) {
      const reader = [join(import.meta.dirname, 'own-reader.ts'), input, ownFile ?? ''];
      own.push(await measure(process.execPath, [...reader, JSON.stringify(COLUMNS)]));
    }
    for (const path of [ownFile, plainFile, home]) rmSync(path ?? '', { recursive: true, force: true });
  }
  const suffix = withUdf ? ', function' : '';
  if (!withUdf) tell("DuckDB's own reader", own, RECORDS);
  const fastest = tell(`plain loop${suffix}`, plain, RECORDS);
  const ratio = tell(`sluice${suffix}`, sluice, RECORDS) / fastest;
  console.log(`   speed ratio ${ratio.toFixed(2)}${withUdf ? '' : ` (target at least ${TARGET})`}`);
}

function columnsOf(withUdf: boolean): Record<string, string> {
  return { ...COLUMNS, ...(withUdf && { processed: 'BOOLEAN' }) };
}

function runSluice(home: string, withUdf: boolean): Promise<Measured> {
  const udf = {
    javascriptTextTransformGcsPath: join(root, 'bench/files/udf.js'),
    javascriptTextTransformFunctionName: 'transform',
  };
  const parameters = { inputFilePattern: input, outputTable: 'bench.records', ...(withUdf && udf) };
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
            `SELECT count(*), sum(id), sum(delay), count(DISTINCT carrier), max(time)::VARCHAR, sum(hash(${NOTES})) FROM ${each}.main.records`,
        )
        .join(' UNION '),
    );
    if (sums.currentRowCount !== 1)
      throw new Error(`the tables differ: ${JSON.stringify(sums.getRowsJson())}`);
  });
}

/** Of 1 KB each. */
function generate(path: string): void {
  const file = openSync(path, 'w');
  for (let i = 0; i < RECORDS; i += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, RECORDS - i) }, (_, n) => recordOf(i + n));
    writeSync(file, `${lines.join('\n')}\n`);
  }
  closeSync(file);
}

function recordOf(id: number): string {
  const notes = NOTES.map((name, at) => [
    name,
    `${name} ${(id * 7919 + at) % 99_991}, `.repeat(8).slice(0, 135),
  ]);
  return JSON.stringify({
    id,
    carrier: `C${id % 17}`,
    time: new Date(1_700_000_000_000 + id * 1000).toISOString(),
    delay: (id % 600) / 4 + 0.25,
    cancelled: id % 50 === 0,
    ...Object.fromEntries(notes),
  });
}
