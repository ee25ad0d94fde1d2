import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import avro from 'avsc';
import { withDatabases } from '../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../src/cloud/warehouse/names.ts';
import type { Config } from '../../src/config.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../services/index.ts';
import { startSchemaRegistry } from '../services/schema-registry.ts';
import {
  assertIds,
  type Case,
  fateOf,
  fill,
  goodIds,
  prepareCase,
  recordValue,
  sharedBroker,
  untilAllRead,
  untilAllReadThroughKills,
  untilAllReadThroughOutage,
} from './kafka-jobs.ts';

const skip = missing('kafka');
const broker = sharedBroker();

/** A price that is no number does not fit the table. */
const ELEMENTS = { read: 10_000, written: 9600, filtered: 100, deadLettered: 300 };
const SCHEMA = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'price', type: 'FLOAT' },
];

test('records become rows; what fails anywhere becomes a row of the dead-letter table', { skip }, async t => {
  const { topics } = await broker();
  const run = await prepare(t);
  await fill(topics, run.input);
  assert.deepEqual((await untilAllRead(run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a worker killed anywhere loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '50' });
  assert.deepEqual((await untilAllReadThroughKills(await broker(), run)).elements, ELEMENTS);
  await assertOutcome(run);
});

test('a server killed in the middle, and back, loses and doubles nothing', { skip }, async t => {
  const run = await prepare(t, { SLUICE_CHECKPOINT_MS: '100' });
  const summary = await untilAllReadThroughOutage(await broker(), run);
  assert.deepEqual(summary.elements, ELEMENTS, JSON.stringify(summary.error));
  await assertOutcome(run);
});

const FIELDS = [
  { name: 'id', type: 'int' },
  { name: 'price', type: 'double' },
];
const AVRO = { type: 'record', name: 'Order', fields: FIELDS };

interface AvroCase {
  needs: string[];
  parameters(schemaPath: string, t: TestContext): Promise<{ parameters: object; number?: number }>;
}

const avroCases: Record<string, AvroCase> = {
  'their schema in the registry': {
    needs: ['kafka', 'schema-registry'],
    async parameters(_path, t) {
      const { url } = await startSchemaRegistry(t);
      const answer = await fetch(`${url}/subjects/orders-value/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ schema: JSON.stringify(AVRO) }),
      });
      const { id } = (await answer.json()) as { id: number };
      const parameters = {
        messageFormat: 'AVRO_CONFLUENT_WIRE_FORMAT',
        schemaFormat: 'SCHEMA_REGISTRY',
        schemaRegistryConnectionUrl: url,
      };
      return { number: id, parameters };
    },
  },
  'one schema in a file, though they name another': {
    needs: ['kafka'],
    parameters: async confluentAvroSchemaPath => ({
      number: 77,
      parameters: {
        messageFormat: 'AVRO_CONFLUENT_WIRE_FORMAT',
        schemaFormat: 'SINGLE_SCHEMA_FILE',
        confluentAvroSchemaPath,
      },
    }),
  },
  'a schema in a file, naming none': {
    needs: ['kafka'],
    parameters: async binaryAvroSchemaPath => ({
      parameters: { messageFormat: 'AVRO_BINARY_ENCODING', binaryAvroSchemaPath },
    }),
  },
};

for (const [what, { needs, parameters }] of Object.entries(avroCases))
  test(`records of Avro come by ${what}, go through the function, and become rows`, {
    skip: missing(...needs),
  }, async t => {
    const { topics } = await broker();
    const schemaPath = join(await temporaryFolder(t), 'orders.avsc');
    await writeFile(schemaPath, JSON.stringify(AVRO));
    const given = await parameters(schemaPath, t);
    const run = await prepare(t, {}, { ...given.parameters });
    const type = avro.Type.forSchema(AVRO as avro.Schema);
    const head = Buffer.alloc(given.number === undefined ? 0 : 5);
    if (given.number !== undefined) head.writeUInt32BE(given.number, 1);
    const bytesOf = (id: number) =>
      fateOf(id) === 'noJson'
        ? Buffer.from([0, 0, 0])
        : Buffer.concat([head, type.toBuffer({ id, price: id / 4 })]);
    await topics.send(
      run.input,
      Array.from({ length: 10_000 }, (_, id) => ({ key: `k${id}`, value: bytesOf(id) })),
    );
    assert.deepEqual((await untilAllRead(run)).elements, { ...ELEMENTS, written: 9700, deadLettered: 200 });
    const rows = await rowsIn(run.job.config, 'shop.orders', 'to_json({id: id}) AS id');
    assertIds(
      rows.map(({ id }) => id),
      goodIds(),
    );
  });

async function prepare(
  t: TestContext,
  env: NodeJS.ProcessEnv = {},
  parameters: Record<string, unknown> = {},
): Promise<Case> {
  const run = await prepareCase(
    t,
    await broker(),
    'Kafka_to_BigQuery',
    folder => ({
      outputTableSpec: 'shop.orders',
      bigQuerySchemaPath: join(folder, 'schema.json'),
      ...parameters,
    }),
    env,
  );
  await writeFile(join(run.folder, 'schema.json'), JSON.stringify(SCHEMA));
  return run;
}

interface Found {
  id: string;
  payloadString: string;
  attributes: string;
}

/** Columns of a table as text: those that it does not have are left out. */
async function rowsIn(config: Config, name: string, columns: string): Promise<Found[]> {
  const table = parseTableName(name);
  const attached = [{ file: datasetFile(table, config), as: 'w', readOnly: true }];
  return withDatabases(attached, {}, async connection => {
    const found = await connection.runAndReadAll(`SELECT ${columns} FROM w.main.${table.table}`);
    return found.getRowObjectsJson() as unknown as Found[];
  });
}

async function assertOutcome({ job }: Case): Promise<void> {
  const rows = await rowsIn(job.config, 'shop.orders', 'to_json({id: id}) AS id');
  assertIds(
    rows.map(({ id }) => id),
    goodIds(id => fateOf(id) === 'good'),
  );
  const letters = await rowsIn(
    job.config,
    'shop.orders_error_records',
    'payloadString, to_json(attributes) AS attributes',
  );
  const expected = goodIds(id => ['noJson', 'throws', 'misfit'].includes(fateOf(id)));
  assert.deepEqual(
    letters.map(({ payloadString }) => payloadString).sort(),
    expected.map(recordValue).sort(),
  );
  assert.deepEqual(JSON.parse(letters[0]?.attributes ?? ''), [{ key: 'from', value: 'here' }]);
}
