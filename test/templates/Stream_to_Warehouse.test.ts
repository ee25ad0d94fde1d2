import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inPostgres, newTable } from '../connectors/sql/servers.ts';
import { type Prepared, prepareIn } from '../faults/launch.ts';
import { topicsOf } from '../helpers/kafka.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startKafka } from '../services/kafka.ts';
import { startPostgres } from '../services/postgres.ts';
import { shared } from '../services/service.ts';
import { fill, goodIds, linesOf, recordValue } from './kafka-jobs.ts';
import {
  assertStored,
  ELEMENTS,
  isGood,
  lostIds,
  PLAIN_UDF,
  prepareWith,
  TABLE,
  throughKills,
  throughOutage,
  topicHere,
  untilAllRead,
} from './sql-jobs.ts';
import { warehouseRows } from './table-tests.ts';

const server = shared(startPostgres);
const broker = shared(startKafka);

async function databaseTarget(): Promise<{ table: string; parameters: Record<string, unknown> }> {
  const postgres = await server();
  const table = newTable();
  await inPostgres(postgres, `CREATE TABLE ${table} ${TABLE}`);
  return { table, parameters: { outputUrl: postgres.url, outputTable: table } };
}

function assertLetters(folder: string): void {
  const letters = linesOf(join(folder, 'errors/error-*.json')).map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload }) => payload).sort(),
    lostIds(['noJson', 'throws', 'misfit']).map(recordValue).sort(),
  );
}

test('a topic of Kafka goes to a table of PostgreSQL by their URLs', {
  skip: missing('kafka', 'postgres'),
}, async t => {
  const kafka = await broker();
  const topics = await topicsOf(t, kafka.address);
  const input = await topics.make();
  await fill(topics, input);
  const { table, parameters } = await databaseTarget();
  const home = await temporaryFolder(t);
  await writeFile(join(home, 'check.js'), PLAIN_UDF);
  const job = await prepareIn(home, 'Stream_to_Warehouse', {
    inputUrl: `kafka://${kafka.address}/${input}`,
    ...parameters,
    deadLetterDirectory: join(home, 'errors'),
    javascriptTextTransformGcsPath: join(home, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
  });
  assert.deepEqual((await untilAllRead(job)).elements, ELEMENTS);
  await assertStored(await server(), table);
  assertLetters(home);
});

test('a subscription goes to PostgreSQL, which is killed in the middle, and comes back', {
  skip: missing('postgres'),
}, async t => {
  const topic = await topicHere(t);
  const { table, parameters } = await databaseTarget();
  const job = await prepare(topic.home, `pubsub://${topic.subscription}`, parameters);
  const summary = await throughOutage(job, topic, await server());
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertStored(await server(), table);
  assertLetters(topic.home);
});

test('a subscription goes to the local warehouse, the worker killed anywhere', async t => {
  const topic = await topicHere(t);
  const job = await warehouseJob(topic.home, topic.subscription);
  assert.deepEqual((await throughKills(job, topic)).elements, ELEMENTS);
  const rows = await warehouseRows(job.config, 'shop.orders', 'id::INTEGER AS id, price');
  assert.deepEqual(
    rows.sort((a, b) => Number(a.id) - Number(b.id)),
    goodIds(isGood).map(id => ({ id, price: id / 4 })),
  );
  assertLetters(topic.home);
});

async function warehouseJob(home: string, input: string): Promise<Prepared> {
  const schema = [
    { name: 'id', type: 'INTEGER' },
    { name: 'price', type: 'FLOAT' },
  ];
  await writeFile(join(home, 'schema.json'), JSON.stringify(schema));
  return prepare(home, input, { outputTable: 'shop.orders', bigQuerySchemaPath: join(home, 'schema.json') });
}

function prepare(home: string, inputUrl: string, parameters: Record<string, unknown>): Promise<Prepared> {
  return prepareWith(
    home,
    'Stream_to_Warehouse',
    { inputUrl, deadLetterDirectory: join(home, 'errors'), ...parameters },
    { SLUICE_CHECKPOINT_MS: '50' },
  );
}
