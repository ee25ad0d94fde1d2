import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseTableName } from '../../../src/cloud/warehouse/names.ts';
import { loadConfig } from '../../../src/config.ts';
import { connectBigQuery } from '../../../src/connectors/bigquery/client.ts';
import { loadPublisher } from '../../../src/connectors/bigquery/load-publisher.ts';
import { openTableSink } from '../../../src/connectors/bigquery/table-sink.ts';
import type { TableField } from '../../../src/formats/table-schema.ts';
import { contextOf } from '../../helpers/pipeline.ts';
import { startProxy } from '../../helpers/proxy.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { startBigQuery } from '../../services/bigquery.ts';
import { missing } from '../../services/index.ts';
import { shared } from '../../services/service.ts';
import {
  ask,
  checkpoint,
  environmentOf,
  makeTable,
  newTable,
  openSink,
  openSource,
  readAll,
  write,
} from './cloud.ts';

const skip = missing('bigquery');
const server = shared(startBigQuery);

const FIELD = { name: 'id', type: 'INTEGER', mode: 'NULLABLE', fields: [] } satisfies TableField;

/** Without TIME and DATETIME, which the emulator's Storage API does not serve, and BYTES, see below. */
const FIELDS = [
  { name: 'i', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 's', type: 'STRING' },
  { name: 'f', type: 'FLOAT' },
  { name: 'n', type: 'NUMERIC' },
  { name: 'bn', type: 'BIGNUMERIC' },
  { name: 'bo', type: 'BOOLEAN' },
  { name: 'ts', type: 'TIMESTAMP' },
  { name: 'd', type: 'DATE' },
  { name: 'j', type: 'JSON' },
  {
    name: 'r',
    type: 'RECORD',
    fields: [
      { name: 'x', type: 'INTEGER' },
      { name: 'l', type: 'STRING', mode: 'REPEATED' },
    ],
  },
  { name: 'l', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'y', type: 'INTEGER' }] },
];
const ROW = {
  i: 9007199254740993n,
  s: 'hé "x"\n',
  f: 1.5,
  n: '12345678901234567890.5',
  bn: '-1.25',
  bo: true,
  ts: '2026-11-20T10:00:00.123456+02:00',
  d: '2026-11-20',
  j: { a: [1, 'two'] },
  r: { x: -7, l: ['p', 'q'] },
  l: [{ y: 1 }, { y: 2 }],
};
const WRITTEN = [
  '{"i":9007199254740993,"s":"hé \\"x\\"\\n","f":1.5,"n":"12345678901234567890.5","bn":"-1.25","bo":true,' +
    '"ts":"2026-11-20T08:00:00.123456Z","d":"2026-11-20","j":{"a":[1,"two"]},"r":{"x":-7,"l":["p","q"]},"l":[{"y":1},{"y":2}]}',
  '{"i":2,"s":null,"f":null,"n":null,"bn":null,"bo":null,"ts":null,"d":null,"j":null,"r":null,"l":[]}',
];

for (const method of ['FILE_LOADS', 'STORAGE_WRITE_API', 'STREAMING_INSERTS'])
  test(`${method}: every type comes back as it was, from pages and from the Storage API`, {
    skip,
  }, async t => {
    const [place, home] = [await server(), await temporaryFolder(t)];
    const table = newTable(place);
    const opening = { storage: true, streaming: true };
    const sink = await openSink(place, home, { table, schema: FIELDS, method }, opening);
    assert.deepEqual(await write(sink, [ROW, { i: 2 }]), []);
    await checkpoint(sink);
    await sink.close(true);
    assert.deepEqual(await readAll(await openSource(place, home, { table })), WRITTEN);
    // The emulator's Storage API serves no row with a NULL.
    const full = { table, row_restriction: 'i > 2' };
    assert.deepEqual(
      await readAll(await openSource(place, home, full, { storage: true })),
      WRITTEN.slice(0, 1),
    );
  });

test('times of a day and of no zone come back from pages as they were', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const table = newTable(place);
  const schema = [
    { name: 'ti', type: 'TIME' },
    { name: 'dt', type: 'DATETIME' },
  ];
  const sink = await openSink(place, home, { table, schema }, { streaming: true });
  await write(sink, [{ ti: '10:05:00.25', dt: '2026-11-20 10:00:00.5' }]);
  await checkpoint(sink);
  assert.deepEqual(await readAll(await openSource(place, home, { table })), [
    '{"ti":"10:05:00.25","dt":"2026-11-20T10:00:00.5"}',
  ]);
});

test('bytes are sent as they are by the Storage API', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const table = newTable(place);
  const config = { table, schema: [{ name: 'b', type: 'BYTES' }], method: 'STORAGE_WRITE_API' };
  const sink = await openSink(place, home, config, { streaming: true, storage: true });
  await write(sink, [{ b: '/+8=' }]);
  await checkpoint(sink);
  assert.deepEqual(await ask(place, `SELECT TO_HEX(b) FROM ${table}`), [['ffef']]);
});

for (const storage of [false, true])
  test(`columns and a condition, ${storage ? 'by the Storage API' : 'in pages'}; and a query`, {
    skip,
  }, async t => {
    const [place, home] = [await server(), await temporaryFolder(t)];
    const table = newTable(place);
    const sink = await openSink(place, home, { table });
    await write(sink, [
      { id: 1, name: 'one', more: true },
      { id: 2, name: 'two', more: false },
    ]);
    sink.advance?.(Number.POSITIVE_INFINITY);
    await checkpoint(sink);
    const read = async (config: object) => readAll(await openSource(place, home, config, { storage }));
    assert.deepEqual(await read({ table, fields: ['id', 'name'], row_restriction: 'id > 1' }), [
      '{"id":2,"name":"two"}',
    ]);
    assert.deepEqual(await read({ query: `SELECT sum(id) AS sum FROM ${table}` }), ['{"sum":3}']);
  });

test('a row that does not fit fails before it is sent; one that BigQuery refuses, with its reason', {
  skip,
}, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const table = newTable(place);
  await makeTable(place, table, [{ name: 'id', type: 'INTEGER' }]);
  const sink = await openSink(place, home, { table, method: 'STREAMING_INSERTS' });
  assert.deepEqual(await write(sink, [{ id: 1 }, { id: 'many' }, { id: 2, more: 1 }]), [
    'BIGQUERY_TYPE_MISMATCH id takes INTEGER, not the text "many"',
    'BIGQUERY_NO_SUCH_FIELD no such field: more',
  ]);
  assert.deepEqual(await ask(place, `SELECT id FROM ${table}`), [['1']]);
});

test('dispositions: appends, replaces, and refuses a table with rows', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const table = newTable(place);
  const run = async (config: object, id: number, jobId: string) => {
    const sink = await openSink(place, home, { table, ...config }, { jobId });
    await write(sink, [{ id }]);
    sink.advance?.(Number.POSITIVE_INFINITY);
    await checkpoint(sink);
    await sink.close(true);
    return (await ask(place, `SELECT id FROM ${table} ORDER BY id`)).flat();
  };
  assert.deepEqual(await run({}, 1, 'a'), ['1']);
  assert.deepEqual(await run({}, 2, 'b'), ['1', '2']);
  assert.deepEqual(await run({ write_disposition: 'WRITE_TRUNCATE' }, 3, 'c'), ['3']);
  await assert.rejects(run({ write_disposition: 'WRITE_EMPTY' }, 4, 'd'), {
    code: 'TABLE_NOT_EMPTY',
    message: `test:${table} has 1 rows, and WRITE_EMPTY asks for none`,
  });
});

test('of several workers that replace a table, each finds its rows there', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const table = newTable(place);
  await makeTable(place, table, [{ name: 'id', type: 'INTEGER' }]);
  const config = { table, write_disposition: 'WRITE_TRUNCATE' };
  for (const index of [0, 1]) {
    const sink = await openSink(place, `${home}/${index}`, config, {
      worker: { index, count: 2 },
      jobId: 'both',
    });
    await write(sink, [{ id: index }]);
    sink.advance?.(Number.POSITIVE_INFINITY);
    await checkpoint(sink);
  }
  assert.deepEqual((await ask(place, `SELECT id FROM ${table} ORDER BY id`)).flat(), ['0', '1']);
});

test('a partition and clusters are told to BigQuery as a table is made', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const table = newTable(place);
  const schema = [
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'who', type: 'STRING' },
  ];
  const config = { table, schema, partitioning: { field: 'at' }, clustering: ['who'] };
  const sink = await openSink(place, home, config, { streaming: true });
  await write(sink, [{ at: '2026-11-20T10:00:00Z', who: 'me' }]);
  await checkpoint(sink);
  const [dataset, id] = table.split('.');
  const path = `${place.url}/bigquery/v2/projects/test/datasets/${dataset}/tables/${id}`;
  const made = (await (await fetch(path)).json()) as { timePartitioning: object; clustering: object };
  assert.deepEqual(made.timePartitioning, { type: 'DAY', field: 'at' });
  assert.deepEqual(made.clustering, { fields: ['who'] });
});

test('connections that break while a stream commits lose and double no row', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const proxy = await startProxy(t, place);
  const table = newTable(place);
  await makeTable(place, table, [{ name: 'id', type: 'INTEGER' }]);
  const behind = { ...place, url: `http://${proxy.address}` };
  const sink = await openSink(behind, home, { table }, { streaming: true });
  for (let from = 0; from < 5000; from += 1000) {
    await write(
      sink,
      Array.from({ length: 1000 }, (_, i) => ({ id: from + i })),
    );
    const cutting = setInterval(() => proxy.cut(), 5);
    const stop = setTimeout(() => clearInterval(cutting), 100);
    await checkpoint(sink);
    clearInterval(cutting);
    clearTimeout(stop);
  }
  const count = `SELECT COUNT(*), COUNT(DISTINCT id), MAX(id) FROM ${table}`;
  assert.deepEqual(await ask(place, count), [['5000', '5000', '4999']]);
});

test('a load job tells its segment by its id: what is published again is not loaded again', {
  skip,
}, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const name = newTable(place);
  await makeTable(place, name, [{ name: 'id', type: 'INTEGER' }]);
  const config = loadConfig({ SLUICE_HOME: home, ...environmentOf(place) });
  const connection = await connectBigQuery(config);
  // As with Google: each segment is one load job, whose answer is believed.
  Object.defineProperty(connection, 'emulated', { value: false });
  const table = connection.named(parseTableName(name));
  const target = { table, evolve: false, create: true, disposition: 'append' as const, options: {} };
  const path = join(home, '1.ndjson');
  await writeFile(path, '{"id":1}\n{"id":2}\n');
  const segment = { number: 1, path, length: 18, rows: 2, longestLine: 8, fields: [FIELD] };
  for (let i = 0; i < 2; i++) {
    const publisher = loadPublisher(connection, target, contextOf(home, { config, jobId: name }));
    await publisher.publish(segment, undefined);
    await publisher.publish(segment, undefined);
  }
  await loadPublisher(connection, target, contextOf(home, { config, jobId: name })).publish(
    { ...segment, number: 2 },
    undefined,
  );
  assert.deepEqual((await ask(place, `SELECT id FROM ${name} ORDER BY id`)).flat(), ['1', '1', '2', '2']);
});

test('a stream that is cancelled has published what it has acknowledged, and no more', { skip }, async t => {
  const [place, home] = [await server(), await temporaryFolder(t)];
  const name = newTable(place);
  await makeTable(place, name, [{ name: 'id', type: 'INTEGER' }]);
  const config = loadConfig({ SLUICE_HOME: home, ...environmentOf(place) });
  const connection = await connectBigQuery(config);
  const table = connection.named(parseTableName(name));
  const target = { table, evolve: false, create: true, disposition: 'append' as const, options: {} };
  const context = contextOf(home, { config, jobId: name, streaming: true, input: { form: 'row' } });
  const publisher = { ...loadPublisher(connection, target, context), intervalMs: 3_600_000 };
  const sink = await openTableSink({ ...target, existing: [FIELD] }, publisher, context);
  await write(sink, [{ id: 1 }]);
  await checkpoint(sink);
  await write(sink, [{ id: 2 }]);
  await checkpoint(sink);
  assert.deepEqual((await ask(place, `SELECT id FROM ${name}`)).flat(), ['1']);
  await write(sink, [{ id: 3 }]);
  await sink.close(true);
  assert.deepEqual((await ask(place, `SELECT id FROM ${name} ORDER BY id`)).flat(), ['1', '2']);
});
