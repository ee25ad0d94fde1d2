import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inMysql, inPostgres, newTable } from '../connectors/sql/servers.ts';
import type { Prepared } from '../faults/launch.ts';
import { missing } from '../services/index.ts';
import { startMysql } from '../services/mysql.ts';
import { startPostgres } from '../services/postgres.ts';
import { shared } from '../services/service.ts';
import { goodIds, linesOf, recordValue } from './kafka-jobs.ts';
import {
  assertStored,
  ELEMENTS,
  isGood,
  lostIds,
  prepareWith,
  TABLE,
  type Topic,
  throughKills,
  throughOutage,
  topicHere,
  untilAllRead,
} from './sql-jobs.ts';

const skip = missing('postgres');
const server = shared(startPostgres);
const mysql = shared(startMysql);

interface Case {
  topic: Topic;
  table: string;
  job: Prepared;
}

async function prepare(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<Case> {
  const postgres = await server();
  const topic = await topicHere(t);
  const table = newTable();
  await inPostgres(postgres, `CREATE TABLE ${table} ${TABLE}`);
  const job = await prepareWith(
    topic.home,
    'Pubsub_to_Jdbc',
    {
      inputSubscription: topic.subscription,
      connectionUrl: `jdbc:postgresql://${postgres.address}/postgres`,
      username: postgres.username,
      password: postgres.password,
      driverClassName: 'org.postgresql.Driver',
      driverJars: 'gs://bucket/postgresql.jar',
      statement: `INSERT INTO ${table} (id, price) VALUES (?, abs(?::numeric))`,
      deadLetterDirectory: join(topic.home, 'errors'),
    },
    env,
  );
  return { topic, table, job };
}

async function assertOutcome({ table, topic }: Case): Promise<void> {
  await assertStored(await server(), table);
  const letters = linesOf(join(topic.home, 'errors/error-*.json')).map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload }) => payload).sort(),
    lostIds(['noJson', 'throws', 'misfit']).map(recordValue).sort(),
  );
  const refused = letters.filter(({ code }) => code === 'SQL_ROW_REFUSED');
  assert.equal(refused.length, 100);
  assert.match(refused[0].message, /invalid input syntax for type numeric: "much"/);
}

test('messages become rows by the statement; what fails anywhere becomes a dead letter', {
  skip,
}, async t => {
  const run = await prepare(t);
  await run.topic.fill();
  assert.deepEqual((await untilAllRead(run.job)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '50' });
  assert.deepEqual((await throughKills(run.job, run.topic)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '100' });
  const summary = await throughOutage(run.job, run.topic, await server());
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

test('MariaDB too: upserts, killed in the middle, and back', { skip: skip || missing('mysql') }, async t => {
  const { address, ...maria } = await mysql();
  const topic = await topicHere(t);
  const table = newTable();
  await inMysql(
    { address, ...maria },
    `CREATE TABLE ${table} (id int PRIMARY KEY, price double, n int DEFAULT 1)`,
  );
  const job = await prepareWith(
    topic.home,
    'Pubsub_to_Jdbc_Flex',
    {
      inputSubscription: topic.subscription,
      connectionUrl: `jdbc:mariadb://${address}/${maria.database}`,
      username: maria.username,
      password: maria.password,
      statement: `INSERT INTO ${table} (id, price) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = n + 1`,
      deadLetterDirectory: join(topic.home, 'errors'),
    },
    { SLUICE_CHECKPOINT_MS: '100' },
  );
  const summary = await throughOutage(job, topic, maria);
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  const rows = await inMysql({ address, ...maria }, `SELECT id, n FROM ${table} ORDER BY id`);
  assert.deepEqual(
    rows.map(row => ({ ...row })),
    goodIds(isGood).map(id => ({ id, n: 1 })),
  );
});
