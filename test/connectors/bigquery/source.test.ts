import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { withDatabases } from '../../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../../src/cloud/warehouse/names.ts';
import { readFromBigQuery } from '../../../src/connectors/bigquery/index.ts';
import type { Source, StageContext } from '../../../src/engine/component.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

async function makeTable(home: string, name: string, sql: string): Promise<void> {
  const table = parseTableName(name);
  await withDatabases([{ file: datasetFile(table, { home }), as: 'w', readOnly: false }], {}, connection =>
    connection.run(`CREATE TABLE w.main."${table.table}" AS ${sql}`),
  );
}

async function openSource(home: string, config: object, more: Partial<StageContext> = {}): Promise<Source> {
  if (readFromBigQuery.kind !== 'source') throw new Error();
  return readFromBigQuery.open(config, contextOf(home, more));
}

const { signal } = new AbortController();

async function readAll(source: Source): Promise<string[]> {
  const texts: string[] = [];
  for (let batch = await source.read(signal); typeof batch === 'object'; batch = await source.read(signal))
    texts.push(...textsOf(batch));
  await source.close(false);
  return texts;
}

async function homeOf(t: TestContext): Promise<string> {
  const home = await temporaryFolder(t);
  await makeTable(home, 'd.t', `SELECT range::BIGINT AS id, 'row ' || range AS name FROM range(100000)`);
  return home;
}

test('every type comes out as JSON that loses nothing', async t => {
  const home = await temporaryFolder(t);
  await makeTable(
    home,
    'd.t',
    `SELECT 9007199254740993 AS i, 1.5::DOUBLE AS f, 'NaN'::DOUBLE AS nan, 12345678901234567890.5::DECIMAL(38,9) AS n,
       from_base64('/+8=') AS b, TIMESTAMPTZ '2026-11-20 10:00:00.5+02' AS ts, TIMESTAMP '2026-11-20 10:00:00' AS dt,
       DATE '2026-11-20' AS d, TIME '10:00:00' AS ti, '{"a": 1}'::JSON AS j, NULL::INTEGER AS nothing, true AS bo,
       {x: from_base64('/+8='), l: [TIMESTAMPTZ '2026-11-20 00:00:00+00']} AS r, [{y: 1.0::DOUBLE}] AS l`,
  );
  assert.deepEqual(await readAll(await openSource(home, { table: 'd.t' })), [
    '{"i":9007199254740993,"f":1.5,"nan":"NaN","n":"12345678901234567890.500000000","b":"/+8=",' +
      '"ts":"2026-11-20T08:00:00.500000Z","dt":"2026-11-20T10:00:00","d":"2026-11-20","ti":"10:00:00","j":{"a":1},' +
      '"nothing":null,"bo":true,"r":{"x":"/+8=","l":["2026-11-20T00:00:00Z"]},"l":[{"y":1.0}]}',
  ]);
});

test('columns, a condition, and queries over tables of several projects', async t => {
  const home = await homeOf(t);
  await makeTable(home, 'my-project:other.names', `SELECT 7::BIGINT AS id, 'seven' AS word`);
  const cases: [object, string[]][] = [
    [
      { table: 'd.t', fields: ['name'], row_restriction: 'id < 2 -- few' },
      ['{"name":"row 0"}', '{"name":"row 1"}'],
    ],
    [{ query: 'SELECT max(id) AS m FROM d.t;' }, ['{"m":99999}']],
    [
      { query: 'SELECT word, name FROM `my-project.other.names` JOIN local.d.t USING (id)' },
      ['{"word":"seven","name":"row 7"}'],
    ],
    [{ query: 'WITH x AS (SELECT 1 AS one) SELECT * FROM x' }, ['{"one":1}']],
    [{ query: 'SELECT id FROM d.t ORDER BY id DESC LIMIT 2' }, ['{"id":99999}', '{"id":99998}']],
  ];
  for (const [config, rows] of cases) assert.deepEqual(await readAll(await openSource(home, config)), rows);
});

test('a restart goes on where the checkpoint was, whatever became of the table', async t => {
  const home = await homeOf(t);
  const source = await openSource(home, { table: 'd.t' });
  const first = await source.read(signal);
  assert.ok(typeof first === 'object');
  const restored = JSON.parse(JSON.stringify(source.snapshot()));
  await source.read(signal);
  await source.close(false);
  await withDatabases(
    [{ file: datasetFile(parseTableName('d.t'), { home }), as: 'w', readOnly: false }],
    {},
    connection => connection.run('DROP TABLE w.main.t'),
  );
  const rest = await readAll(await openSource(home, { table: 'd.t' }, { restored }));
  const ids = [...textsOf(first), ...rest].map(text => JSON.parse(text).id);
  assert.deepEqual(
    ids,
    Array.from({ length: 100_000 }, (_, i) => i),
  );
});

test('with several workers, the first one reads', async t => {
  const home = await homeOf(t);
  const second = await openSource(home, { table: 'd.t' }, { worker: { index: 1, count: 2 } });
  assert.deepEqual(await readAll(second), []);
});

const refusals: [query: string, message: RegExp][] = [
  ['DROP TABLE d.t', /the query cannot be run: only a SELECT can be run/],
  ['SELECT 1; SELECT 2', /it is not one SELECT/],
  ["SELECT 1) TO '/tmp/x'; DROP TABLE d.t; COPY (SELECT 2", /the query cannot be run/],
  ['SELEC 1', /the query cannot be run: syntax error/],
  ['SELECT nothing FROM d.t', /the query cannot be run: Referenced column "nothing" not found/],
  ["SELECT * FROM read_text('/etc/passwd')", /disabled by configuration/],
  ["SELECT * FROM '/etc/passwd'", /tables are named dataset.table/],
  ['SELECT * FROM t', /there is no table t: tables are named dataset.table/],
  ['SELECT * FROM d.missing', /there is no table local:d.missing: the dataset has t/],
  ['SELECT * FROM nowhere.t', /there is no dataset nowhere: there is d/],
];

for (const [query, message] of refusals) {
  test(`refuses ${query}`, async t => {
    const home = await temporaryFolder(t);
    await makeTable(home, 'd.t', 'SELECT 1 AS id');
    await assert.rejects(openSource(home, { query }), message);
  });
}
