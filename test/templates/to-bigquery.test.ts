/** Templates that write to BigQuery, against the emulator of it: the same rows and dead letters as in the local warehouse. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ask, environmentOf, insert, makeTable, newTable } from '../connectors/bigquery/cloud.ts';
import { newTable as newSqlTable } from '../connectors/sql/servers.ts';
import { type Prepared, prepareIn, startJob } from '../faults/launch.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { type BigQuery, startBigQuery } from '../services/bigquery.ts';
import { missing } from '../services/index.ts';
import { startPostgres } from '../services/postgres.ts';
import { shared } from '../services/service.ts';
import {
  fill,
  goodIds,
  linesOf,
  prepareCase,
  recordValue,
  sharedBroker,
  untilAllRead as untilTopicRead,
} from './kafka-jobs.ts';
import { ELEMENTS, isGood, lostIds, ordersIn, PLAIN_UDF, topicHere, untilAllRead } from './sql-jobs.ts';

const emulator = shared(startBigQuery);
const postgres = shared(startPostgres);
const broker = sharedBroker();

const SCHEMA = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'price', type: 'FLOAT' },
];

for (const { templateId, scheme, isTruncate } of [
  { templateId: 'Jdbc_to_BigQuery', scheme: 'jdbc:postgresql', isTruncate: false },
  { templateId: 'PostgreSQL_to_BigQuery', scheme: 'postgresql', isTruncate: true },
])
  test(`${templateId}: rows of a table ${isTruncate ? 'replace the' : 'become'} rows of BigQuery's`, {
    skip: missing('bigquery', 'postgres'),
  }, async t => {
    const server = await postgres();
    const table = newSqlTable();
    await ordersIn(server, table);
    const place = await emulator();
    const outputTable = newTable(place);
    if (isTruncate) {
      await makeTable(place, outputTable, SCHEMA);
      await insert(place, outputTable, [{ id: -1 }]);
    }
    const parameters = {
      connectionURL: `${scheme}://${server.address}/postgres`,
      username: server.username,
      password: server.password,
      query: `SELECT id, price FROM ${table}`,
      outputTable,
      isTruncate,
    };
    const summary = await startJob(await prepareJob(t, place, templateId, parameters)).ended;
    // Rows are all JSON.
    const elements = { read: 10_000, written: 9700, filtered: 100, deadLettered: 200 };
    assert.deepEqual(summary.elements, elements, JSON.stringify(summary.error));
    await assertRows(
      place,
      outputTable,
      goodIds(id => isGood(id) || id % 100 === 13),
    );
    await assertLetters(place, outputTable, lostIds(['throws', 'misfit']));
    if (!isTruncate) return;
    const job = await prepareJob(t, place, templateId, { ...parameters, useStorageWriteApi: true });
    const { error } = await startJob(job).ended;
    assert.match(error?.message ?? '', /STORAGE_WRITE_API cannot WRITE_TRUNCATE/);
  });

test('Kafka_to_BigQuery: records become rows by load jobs, and by the Storage Write API when asked to', {
  skip: missing('bigquery', 'kafka'),
}, async t => {
  const { topics } = await broker();
  const place = await emulator();
  const ways = [
    { storage: false, more: {} },
    {
      storage: true,
      more: {
        useStorageWriteApi: true,
        storageWriteApiTriggeringFrequencySec: 1,
        numStorageWriteApiStreams: 2,
      },
    },
  ];
  for (const { storage, more } of ways) {
    const outputTable = newTable(place);
    const env = environmentOf(place, storage);
    const parametersOf = (folder: string) => ({
      outputTableSpec: `${place.project}:${outputTable}`,
      bigQuerySchemaPath: join(folder, 'schema.json'),
      ...more,
    });
    const run = await prepareCase(t, await broker(), 'Kafka_to_BigQuery', parametersOf, env);
    await writeFile(join(run.folder, 'schema.json'), JSON.stringify(SCHEMA));
    await fill(topics, run.input);
    const summary = await untilTopicRead(run);
    assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
    await assertRows(place, outputTable, goodIds(isGood));
    await assertLetters(place, outputTable, lostIds(['noJson', 'throws', 'misfit']));
  }
});

test('Kafka_to_BigQuery: an emulator without a Storage API is refused by name', {
  skip: missing('bigquery', 'kafka'),
}, async t => {
  const place = await emulator();
  const run = await prepareCase(
    t,
    await broker(),
    'Kafka_to_BigQuery',
    () => ({ outputTableSpec: newTable(place), useStorageWriteApi: true }),
    environmentOf(place),
  );
  const { error } = await untilTopicRead(run);
  assert.match(error?.message ?? '', /STORAGE_WRITE_API needs BIGQUERY_STORAGE_GRPC_ENDPOINT/);
});

test('Stream_to_Warehouse: messages become rows; what fails becomes a dead letter', {
  skip: missing('bigquery'),
}, async t => {
  const place = await emulator();
  const topic = await topicHere(t);
  const outputTable = newTable(place);
  const job = await prepareJob(
    t,
    place,
    'Stream_to_Warehouse',
    {
      inputUrl: topic.subscription,
      outputTable,
      deadLetterDirectory: join(topic.home, 'errors'),
    },
    topic.home,
  );
  await topic.fill();
  const summary = await untilAllRead(job);
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertRows(place, outputTable, goodIds(isGood));
  const letters = linesOf(join(topic.home, 'errors/error-*.json')).map(line => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ payload }) => payload).sort(),
    lostIds(['noJson', 'throws', 'misfit']).map(recordValue).sort(),
  );
});

async function prepareJob(
  t: TestContext,
  place: BigQuery,
  templateId: string,
  parameters: Record<string, unknown>,
  given?: string,
): Promise<Prepared> {
  const home = given ?? (await temporaryFolder(t));
  await writeFile(join(home, 'schema.json'), JSON.stringify(SCHEMA));
  await writeFile(join(home, 'check.js'), PLAIN_UDF);
  const all = {
    ...parameters,
    bigQuerySchemaPath: join(home, 'schema.json'),
    javascriptTextTransformGcsPath: join(home, 'check.js'),
    javascriptTextTransformFunctionName: 'check',
  };
  return prepareIn(home, templateId, all, environmentOf(place));
}

async function assertRows(place: BigQuery, table: string, ids: readonly number[]): Promise<void> {
  const rows = (await ask(place, `SELECT id, price FROM ${table}`)).map(row => row.map(Number));
  assert.deepEqual(
    rows.sort(([a = 0], [b = 0]) => a - b),
    ids.map(id => [id, id / 4]),
  );
}

/** The dead letters of these ids are in the table beside it, each once. */
async function assertLetters(place: BigQuery, table: string, ids: readonly number[]): Promise<void> {
  const payloads = await ask(place, `SELECT payloadString FROM ${table}_error_records`);
  const found = payloads.map(([payload]) => Number(/\d+/.exec(payload ?? '')?.[0])).sort((a, b) => a - b);
  assert.deepEqual(
    found,
    ids.toSorted((a, b) => a - b),
  );
}
