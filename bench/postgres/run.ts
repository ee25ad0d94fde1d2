/** Records of 1 KB from a file into a table of PostgreSQL, against the plainest loop over COPY. */
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../test/services/postgres.ts';
import { type Measured, measure, tell } from '../measure.ts';
import { makeElements, SOURCE } from '../udf/elements.ts';

const RECORDS = Number(process.env.RECORDS ?? 2_000_000);
const ROUNDS = Number(process.env.ROUNDS ?? 2);
const DISTINCT_RECORDS = 20_000;
const TARGET = 0.8;
const COLUMNS =
  'id text, quantity integer, price numeric, customer text, active boolean, items jsonb, total numeric';

const root = join(import.meta.dirname, '../..');
// Memory, so that the disk does not hide what the programs cost.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
const postgres = await startPostgres({ after: cleanup => void cleanups.push(cleanup as () => unknown) });
try {
  const input = join(folder, 'in.ndjson');
  generate(input);
  writeFileSync(join(folder, 'udf.js'), SOURCE);
  for (const udf of [false, true]) {
    const [plain, sluice]: [Measured[], Measured[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      await makeTable('plain');
      plain.push(await measure(process.execPath, plainArguments(input, udf)));
      await makeTable('sluice');
      sluice.push(
        await measure(join(root, 'bin/sluice'), sluiceArguments(input, udf), {
          SLUICE_HOME: join(folder, 'home'),
        }),
      );
      await requireEqual();
    }
    const fastest = tell(`plain loop${udf ? ', function' : ''}`, plain, RECORDS);
    const ratio = tell(`sluice${udf ? ', function' : ''}`, sluice, RECORDS) / fastest;
    console.log(`   speed ratio ${ratio.toFixed(2)}${udf ? '' : ` (target at least ${TARGET})`}`);
  }
} finally {
  for (const each of cleanups.reverse()) await each();
}
process.exit(0);

function plainArguments(input: string, udf: boolean): string[] {
  return [join(import.meta.dirname, 'plain.js'), postgres.url, 'plain', input, ...(udf ? ['udf'] : [])];
}

function sluiceArguments(input: string, udf: boolean): string[] {
  const pipeline = [
    'pipeline:',
    '  type: chain',
    '  transforms:',
    `    - {type: ${udf ? 'ReadFromText' : 'ReadFromJson'}, config: {path: ${input}}}`,
    ...(udf
      ? [
          `    - {type: JavaScriptUdf, config: {path: ${join(folder, 'udf.js')}, function: process}}`,
          '    - {type: ParseJson}',
        ]
      : []),
    `    - {type: WriteToPostgres, config: {url: "${postgres.url}", table: sluice}}`,
  ].join('\n');
  return ['run', 'Yaml_Template', '--json', '--parameters', JSON.stringify({ yaml_pipeline: pipeline })];
}

async function makeTable(name: string): Promise<void> {
  await inDatabase(`DROP TABLE IF EXISTS ${name}; CREATE UNLOGGED TABLE ${name} (${COLUMNS}); CHECKPOINT`);
}

/** Both must have done the same work. */
async function requireEqual(): Promise<void> {
  const sums = ['plain', 'sluice'].map(
    name => `SELECT count(*), sum(hashtextextended(t::text, 0)) FROM ${name} t`,
  );
  const rows = await inDatabase(sums.join(' UNION '));
  if (rows.length !== 1 || rows[0]?.count !== String(RECORDS)) throw new Error('the tables differ');
}

async function inDatabase(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows ?? [];
}

function generate(path: string): void {
  const text = `${makeElements(1000, DISTINCT_RECORDS).join('\n')}\n`;
  const file = openSync(path, 'w');
  for (let i = 0; i < RECORDS; i += DISTINCT_RECORDS) writeSync(file, text);
  closeSync(file);
}
