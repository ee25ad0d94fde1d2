import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import { sluice, startSluice } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function homeWithTable(t: TestContext): Promise<string> {
  const home = await temporaryFolder(t);
  await withDatabases([{ file: fileIn(home), as: 'w', readOnly: false }], {}, connection =>
    connection.run(
      `CREATE TABLE w.main.orders AS FROM (VALUES (9007199254740993, 'first, "one"', NULL), (2, 'second' || chr(10), [1])) v(id, name, list)`,
    ),
  );
  return home;
}

const fileIn = (home: string): string => datasetFile(parseTableName('shop.orders'), { home });

test('sluice query shows rows in columns, as JSON and as CSV', async t => {
  const home = await homeWithTable(t);
  const query = (...more: string[]) =>
    sluice(['query', 'SELECT * FROM shop.orders ORDER BY name', ...more], { home });
  const shown = await query();
  assert.equal(
    shown.stdout,
    [
      '              id  name          list',
      '----------------  ------------  ----',
      '9007199254740993  first, "one"  null',
      '               2  second        [1]',
      '',
    ].join('\n'),
  );
  assert.equal(shown.stderr, '2 rows\n');
  assert.equal(
    (await query('--json')).stdout,
    '[\n  {"id":9007199254740993,"name":"first, \\"one\\"","list":null},\n  {"id":2,"name":"second\\n","list":[1]}\n]\n',
  );
  assert.equal(
    (await query('--csv')).stdout,
    'id,name,list\r\n9007199254740993,"first, ""one""",\r\n2,"second\n",[1]\r\n',
  );
});

test('sluice query refuses in one line what it cannot run', async t => {
  const home = await homeWithTable(t);
  const { status, stderr } = await sluice(['query', 'SELECT * FROM shop.order'], { home });
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^sluice: there is no table local:shop.order: the dataset has orders \[TABLE_NOT_FOUND\]\n/,
  );
  const dropped = await sluice(['query', 'DROP TABLE shop.orders', '--json'], { home });
  assert.equal(JSON.parse(dropped.stdout).error.message, 'the query cannot be run: only a SELECT can be run');
});

test('sluice query waits for whoever is writing', async t => {
  const home = await homeWithTable(t);
  let asked: ReturnType<typeof startSluice> | undefined;
  await withDatabases([{ file: fileIn(home), as: 'w', readOnly: false }], {}, async connection => {
    asked = startSluice(['query', 'SELECT count(*) AS n FROM shop.orders', '--json'], { home });
    await asked.says('waiting for a job that is writing');
    await connection.run('INSERT INTO w.main.orders SELECT * FROM w.main.orders');
  });
  assert.deepEqual(JSON.parse((await asked?.finished)?.stdout ?? ''), [{ n: 4 }]);
});
