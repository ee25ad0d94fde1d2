import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDatabases } from '../../../src/cloud/warehouse/duckdb.ts';
import { copyResult, lockDown, translateQuery } from '../../../src/cloud/warehouse/guarded.ts';
import { datasetFile, listDatasets, parseTableName } from '../../../src/cloud/warehouse/names.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const names: [given: string, project: string, dataset: string, table: string][] = [
  ['p:d.t', 'p', 'd', 't'],
  ['p-1.d.t', 'p-1', 'd', 't'],
  ['example.com:p.d.t', 'example.com:p', 'd', 't'],
  ['d.t', 'local', 'd', 't'],
  ['d.tä b-c', 'local', 'd', 'tä b-c'],
];

for (const [given, project, dataset, table] of names) {
  test(`${given} is ${table} in ${dataset} of ${project}`, () => {
    assert.deepEqual(parseTableName(given), { project, dataset, table });
  });
}

for (const given of ['t', '.t', 'd.', 'p:d.t.', '..:d.t', '/p:d.t', 'p:d/x.t', 'p:d.t"', "d.t'", 'd.t;']) {
  test(`${given} names no table`, () =>
    assert.throws(() => parseTableName(given), { code: 'PARAMETERS_INVALID' }));
}

const queries: [given: string, translated: string][] = [
  ['SELECT 1; ', 'SELECT 1'],
  ['SELECT * FROM `p-1:d.t`', 'SELECT * FROM "p-1"."d"."t"'],
  ['SELECT `a "b"` FROM `d.t`', 'SELECT "a ""b""" FROM "d"."t"'],
  ['SELECT \'`a`\', "`b`" -- `c`\n/* `d` */ FROM `x`', 'SELECT \'`a`\', "`b`" -- `c`\n/* `d` */ FROM "x"'],
];

for (const [given, translated] of queries) {
  test(`${given} is ${translated}`, () => assert.equal(translateQuery(given), translated));
}

test('uses of one file within a process take turns; others do not wait', async t => {
  const home = await temporaryFolder(t);
  const attached = (name: string) => [
    { file: datasetFile(parseTableName(name), { home }), as: 'w', readOnly: false },
  ];
  const log: string[] = [];
  const use = (name: string, who: string) =>
    withDatabases(attached(name), {}, async () => {
      log.push(`${who} begins`);
      await sleep(who === 'first' ? 100 : 1);
      log.push(`${who} ends`);
    });
  await Promise.all([use('d.t', 'first'), use('d.t', 'second'), use('other.t', 'third')]);
  assert.deepEqual(
    log.filter(line => !line.startsWith('third')),
    ['first begins', 'first ends', 'second begins', 'second ends'],
  );
  assert.ok(log.indexOf('third ends') < log.indexOf('first ends'));
  assert.deepEqual(await listDatasets({ home }), [
    { project: 'local', dataset: 'd' },
    { project: 'local', dataset: 'other' },
  ]);
});

test('a file that another process does not let go is told of, then refused', async t => {
  const home = await temporaryFolder(t);
  const file = datasetFile(parseTableName('d.t'), { home });
  await withDatabases([{ file, as: 'w', readOnly: false }], {}, async () => {});
  const module = new URL('../../../src/cloud/warehouse/duckdb.ts', import.meta.url).href;
  const script = `const { withDatabases } = await import(${JSON.stringify(module)});
    await withDatabases([{ file: ${JSON.stringify(file)}, as: 'w', readOnly: false }], {}, async () => {
      console.log('open');
      await new Promise(resolve => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const waiting = withDatabases([{ file, as: 'w', readOnly: true }], { waitMs: 300 }, async () => {});
  await assert.rejects(waiting, {
    code: 'WAREHOUSE_BUSY',
    message: /has been in use by another process for \d+ s/,
  });
  child.kill('SIGKILL');
  await once(child, 'close');
  await withDatabases([{ file, as: 'w', readOnly: true }], { waitMs: 300 }, async () => {});
  assert.equal(join(file, '..').endsWith('local'), true);
});

test('a query that is locked in spills to its folder, and without one says that it needs more memory', async t => {
  const home = await temporaryFolder(t);
  const path = join(home, 'result.ndjson');
  const query =
    'SELECT md5(range::VARCHAR) AS m, count(*) AS n FROM range(2_000_000) GROUP BY ALL ORDER BY m LIMIT 3';
  const run = (spillDirectory?: string) =>
    withDatabases([], { memoryMb: 150, ...(spillDirectory && { spillDirectory }) }, async connection => {
      await lockDown(connection, [path]);
      await copyResult(connection, query, path);
    });
  await assert.rejects(run(), { code: 'WAREHOUSE_MEMORY' });
  await run(join(home, 'spill'));
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 4);
});
