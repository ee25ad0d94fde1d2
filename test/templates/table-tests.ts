/** What the templates that read a table of a database into BigQuery's have to stand. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import type { Config } from '../../src/config.ts';
import { newTable } from '../connectors/sql/servers.ts';
import { type Prepared, startJob, wasKilled } from '../faults/launch.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startPostgres } from '../services/postgres.ts';
import { shared } from '../services/service.ts';
import { goodIds } from './kafka-jobs.ts';
import { isGood, killedWhileCopying, lostIds, ordersIn, prepareWith } from './sql-jobs.ts';

const SCHEMA = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'price', type: 'FLOAT' },
];
/** What the function refuses and what the table does: there is no row that is no JSON. */
const ELEMENTS = { read: 10_000, written: 9700, filtered: 100, deadLettered: 200 };
/** Of those that are no JSON as messages, rows are good. */
const goodRows = goodIds(id => isGood(id) || id % 100 === 13);

/** Columns of a table of the warehouse. */
export async function warehouseRows(
  config: Config,
  name: string,
  columns: string,
): Promise<Record<string, unknown>[]> {
  const table = parseTableName(name);
  const attached = [{ file: datasetFile(table, config), as: 'w', readOnly: true }];
  return withDatabases(attached, {}, async connection => {
    const found = await connection.runAndReadAll(`SELECT ${columns} FROM w.main.${table.table}`);
    return found.getRowObjectsJson();
  });
}

export function tableTests(templateId: string, urlOf: (address: string) => string): void {
  const skip = missing('postgres');
  const server = shared(startPostgres);

  const prepare = async (
    t: TestContext,
    of = '',
    env: NodeJS.ProcessEnv = {},
    more = {},
  ): Promise<Prepared> => {
    const postgres = await server();
    const table = newTable();
    await ordersIn(postgres, table);
    const home = await temporaryFolder(t);
    await writeFile(join(home, 'schema.json'), JSON.stringify(SCHEMA));
    return prepareWith(
      home,
      templateId,
      {
        connectionURL: urlOf(postgres.address),
        username: postgres.username,
        password: postgres.password,
        query: `SELECT id, price FROM ${table}${of}`,
        outputTable: 'shop.orders',
        bigQuerySchemaPath: join(home, 'schema.json'),
        ...more,
      },
      env,
    );
  };
  const assertOutcome = async ({ config }: Prepared): Promise<void> => {
    const rows = await warehouseRows(config, 'shop.orders', 'id::INTEGER AS id, price');
    assert.deepEqual(
      rows.sort((a, b) => Number(a.id) - Number(b.id)),
      goodRows.map(id => ({ id, price: id / 4 })),
    );
    const letters = await warehouseRows(config, 'shop.orders_error_records', 'payloadString, errorMessage');
    assert.deepEqual(
      letters.map(({ payloadString }) => JSON.parse(String(payloadString)).id).sort((a, b) => a - b),
      lostIds(['throws', 'misfit']),
    );
  };

  test('rows go through the function into the table; what fails anywhere becomes a row of the dead-letter table', {
    skip,
  }, async t => {
    const job = await prepare(t);
    assert.deepEqual((await startJob(job).ended).elements, ELEMENTS);
    await assertOutcome(job);
  });

  test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
    const job = await prepare(t, '', { SLUICE_CHECKPOINT_MS: '20' });
    for (const point of ['stage.write:2', 'checkpoint.saved:1', 'checkpoint.committed:1'] as const)
      assert.ok(wasKilled(await startJob(job, point).ended), point);
    assert.deepEqual((await startJob(job).ended).elements, ELEMENTS);
    await assertOutcome(job);
  });

  test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
    const job = await prepare(t, '_slow');
    const running = startJob(job).ended;
    await killedWhileCopying(await server());
    const summary = await running;
    assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
    await assertOutcome(job);
  });

  test('a table in parts replaces what was there', { skip }, async t => {
    const postgres = await server();
    const table = newTable();
    await ordersIn(postgres, table);
    const job = await prepare(
      t,
      '',
      {},
      { query: undefined, table, partitionColumn: 'id', numPartitions: 5, isTruncate: true },
    );
    assert.deepEqual((await startJob(job).ended).elements, ELEMENTS);
    await assertOutcome(job);
  });
}
