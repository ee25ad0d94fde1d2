import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inMysql, newTable } from '../connectors/sql/servers.ts';
import { startJob } from '../faults/launch.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startMysql } from '../services/mysql.ts';
import { shared } from '../services/service.ts';
import { RECORDS } from './kafka-jobs.ts';
import { prepareWith, ROW_ELEMENTS } from './sql-jobs.ts';
import { tableTests, warehouseRows } from './table-tests.ts';

tableTests('Jdbc_to_BigQuery', address => `jdbc:postgresql://${address}/postgres`);

const mysql = shared(startMysql);

test('MariaDB is read too, by a query in a file', { skip: missing('mysql') }, async t => {
  const { address, ...maria } = await mysql();
  const table = newTable();
  await inMysql(
    { address, ...maria },
    `CREATE TABLE ${table} AS SELECT CAST(seq AS int) AS id, seq / 4 AS price FROM seq_0_to_${RECORDS - 1}`,
  );
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'cloud/gs/queries'), { recursive: true });
  await writeFile(join(home, 'cloud/gs/queries/orders.sql'), `SELECT id, price FROM ${table}; `);
  const job = await prepareWith(home, 'Jdbc_to_BigQuery_Flex', {
    connectionURL: `jdbc:mariadb://${address}/${maria.database}`,
    username: maria.username,
    password: maria.password,
    query: 'gs://queries/orders.sql',
    outputTable: 'shop.orders',
  });
  assert.deepEqual((await startJob(job).ended).elements, ROW_ELEMENTS);
  const [found] = await warehouseRows(
    job.config,
    'shop.orders',
    'count(DISTINCT id) AS n, sum(price::DOUBLE - id / 4)::INTEGER AS off',
  );
  assert.deepEqual(found, { n: '9800', off: 0 });
});
