import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inPostgres, newTable } from '../connectors/sql/servers.ts';
import { waitFor } from '../helpers/kafka.ts';
import { missing } from '../services/index.ts';
import { startPostgres } from '../services/postgres.ts';
import { shared } from '../services/service.ts';
import {
  type Case,
  fill,
  linesOf,
  prepareCase,
  RECORDS,
  recordValue,
  sharedBroker,
  untilAllRead,
  untilAllReadThroughKills,
  untilAllReadThroughOutage,
} from './kafka-jobs.ts';
import { assertStored, ELEMENTS, lostIds, TABLE } from './sql-jobs.ts';

const skip = missing('kafka', 'postgres');
const broker = sharedBroker();
const server = shared(startPostgres);

interface PostgresCase extends Case {
  table: string;
}

async function prepare(
  t: TestContext,
  more: object = {},
  env: NodeJS.ProcessEnv = {},
): Promise<PostgresCase> {
  const postgres = await server();
  const table = newTable();
  await inPostgres(postgres, `CREATE TABLE ${table} ${TABLE}`);
  const run = await prepareCase(
    t,
    await broker(),
    'Kafka_to_Postgres',
    folder => ({
      connectionUrl: postgres.url,
      outputTable: table,
      deadLetterDirectory: join(folder, 'errors'),
      ...more,
    }),
    env,
  );
  return { ...run, table };
}

async function assertOutcome({ table, folder }: PostgresCase): Promise<void> {
  await assertStored(await server(), table);
  const letters = linesOf(join(folder, 'errors/error-*.json')).map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload }) => payload).sort(),
    lostIds(['noJson', 'throws', 'misfit']).map(recordValue).sort(),
  );
  assert.equal(letters.filter(({ code }) => code === 'SQL_ROW_REFUSED').length, 100);
}

test('records become rows; what fails anywhere becomes a dead letter', { skip }, async t => {
  const run = await prepare(t);
  await fill((await broker()).topics, run.input);
  assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a worker killed anywhere loses and doubles nothing; rows may replace others', { skip }, async t => {
  const run = await prepare(t, { onConflict: 'update', keyColumns: 'id' }, { SLUICE_CHECKPOINT_MS: '50' });
  await inPostgres(await server(), `INSERT INTO ${run.table} VALUES (1, -1), (2, -1)`);
  assert.deepEqual((await untilAllReadThroughKills(await broker(), run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('each server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const postgres = await server();
  const run = await prepare(t, {}, { SLUICE_CHECKPOINT_MS: '100' });
  const running = untilAllReadThroughOutage(await broker(), run);
  await waitFor(
    async () => (await inPostgres(postgres, `SELECT 1 FROM ${run.table} LIMIT 1`)).length > 0,
    'the first rows',
  );
  await postgres.kill();
  await postgres.restart();
  const summary = await running;
  assert.deepEqual(summary.elements, { ...ELEMENTS, read: RECORDS }, JSON.stringify(summary.error));
  await assertOutcome(run);
});
