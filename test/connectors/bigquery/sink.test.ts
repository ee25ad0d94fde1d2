import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withDatabases } from '../../../src/cloud/warehouse/duckdb.ts';
import { datasetFile, parseTableName } from '../../../src/cloud/warehouse/names.ts';
import { writeToBigQuery } from '../../../src/connectors/bigquery/index.ts';
import type { Sink, StageContext } from '../../../src/engine/component.ts';
import type { SluiceError } from '../../../src/errors.ts';
import { type Row, rowBatch } from '../../../src/formats/rows.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const row = { form: 'row' } as const;

async function openSink(home: string, config: object, more: Partial<StageContext> = {}): Promise<Sink> {
  if (writeToBigQuery.kind !== 'sink') throw new Error();
  return writeToBigQuery.open(
    { table: 'd.t', ...config },
    contextOf(home, { input: row, inputs: [{ type: row }], ...more }),
  );
}

/** The rows of `d.t`, with DuckDB's own text for each value. */
async function rowsIn(home: string, sql = 'SELECT * FROM w.main.t'): Promise<unknown[]> {
  const file = datasetFile(parseTableName('d.t'), { home });
  return withDatabases([{ file, as: 'w', readOnly: true }], {}, async connection =>
    (await connection.runAndReadAll(sql)).getRowObjectsJson(),
  );
}

async function checkpoint(sink: Sink) {
  const state = JSON.parse(JSON.stringify(await sink.prepare()));
  await sink.commit();
  return state;
}

async function write(sink: Sink, rows: Row[]): Promise<string[]> {
  const result = await sink.write(rowBatch(rows));
  return (result?.failed?.failures ?? []).map(({ code, message }) => `${code} ${message}`);
}

const withHome = (run: (home: string, t: TestContext) => Promise<void>) => async (t: TestContext) =>
  run(await temporaryFolder(t), t);

const ALL_TYPES = [
  { name: 's', type: 'STRING' },
  { name: 'b', type: 'BYTES' },
  { name: 'i', type: 'INT64', mode: 'REQUIRED' },
  { name: 'f', type: 'FLOAT64' },
  { name: 'n', type: 'NUMERIC' },
  { name: 'bn', type: 'BIGNUMERIC' },
  { name: 'bo', type: 'BOOL' },
  { name: 'ts', type: 'TIMESTAMP' },
  { name: 'd', type: 'DATE' },
  { name: 'ti', type: 'TIME' },
  { name: 'dt', type: 'DATETIME' },
  { name: 'j', type: 'JSON' },
  {
    name: 'r',
    type: 'RECORD',
    fields: [
      { name: 'x', type: 'BYTES' },
      { name: 'l', type: 'STRING', mode: 'REPEATED' },
    ],
  },
  { name: 'l', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'y', type: 'INTEGER' }] },
];

test(
  'every type arrives as BigQuery would have it',
  withHome(async home => {
    const sink = await openSink(home, { schema: { 'BigQuery Schema': ALL_TYPES } });
    const rows: Row[] = [
      {
        s: 'a\n"b',
        b: '/+8=',
        i: 9_007_199_254_740_993n,
        f: 1.5,
        n: '12345678901234567890.123456789',
        bn: '0.000000000000000001',
        bo: true,
        ts: '2026-11-20T10:05:00.123456+02:00',
        d: '2026-1-2',
        ti: '10:05:00.5',
        dt: '2026-11-20T10:05:00',
        j: { a: [1, null] },
        r: { x: '_-8', l: ['p', 'q'] },
        l: [{ y: '1' }, { y: 2 }],
      },
      {
        s: 5,
        i: '-3',
        f: 'NaN',
        n: 7,
        bo: 'TRUE',
        ts: 1_700_000_000.25,
        j: '{"k": 1}',
      },
      { I: 1, ts: '2026-11-20', j: 'no json', r: {} },
    ];
    assert.deepEqual(await write(sink, rows), []);
    sink.advance?.(Number.POSITIVE_INFINITY);
    await checkpoint(sink);
    assert.deepEqual(await rowsIn(home), [
      {
        s: 'a\n"b',
        b: '\\xFF\\xEF',
        i: '9007199254740993',
        f: 1.5,
        n: '12345678901234567890.123456789',
        bn: '0.000000000000000001',
        bo: true,
        ts: '2026-11-20 08:05:00.123456+00',
        d: '2026-01-02',
        ti: '10:05:00.5',
        dt: '2026-11-20 10:05:00',
        j: '{"a":[1,null]}',
        r: { x: '\\xFF\\xEF', l: ['p', 'q'] },
        l: [{ y: '1' }, { y: '2' }],
      },
      {
        s: '5',
        b: null,
        i: '-3',
        f: 'NaN',
        n: '7.000000000',
        bn: null,
        bo: true,
        ts: '2023-11-14 22:13:20.25+00',
        d: null,
        ti: null,
        dt: null,
        j: '{"k":1}',
        r: null,
        l: [],
      },
      {
        s: null,
        b: null,
        i: '1',
        f: null,
        n: null,
        bn: null,
        bo: null,
        ts: '2026-11-20 00:00:00+00',
        d: null,
        ti: null,
        dt: null,
        j: '"no json"',
        r: { x: null, l: [] },
        l: [],
      },
    ]);
  }),
);

test(
  'a row that does not fit fails with field, type and value; the others are written',
  withHome(async home => {
    const sink = await openSink(home, { schema: ALL_TYPES });
    const rows: Row[] = [
      { i: 1 },
      { i: 'one' },
      { s: 'x' },
      { i: 1, color: 'red' },
      { i: 1, l: [{ y: 1 }, { y: 1.5 }] },
      { i: 1, r: { l: ['a', null] } },
      { i: 1, ts: '2026-02-30' },
      { i: 9_223_372_036_854_775_808n },
      { i: 1, s: { a: 1 } },
      { i: 1, bo: 1 },
    ];
    const result = await sink.write(rowBatch(rows));
    assert.deepEqual(
      result?.failed?.failures?.map(({ code, message }) => [code.slice('BIGQUERY_'.length), message]),
      [
        ['TYPE_MISMATCH', 'i takes INTEGER, not the text "one"'],
        ['MISSING_FIELD', 'missing required field: i'],
        ['NO_SUCH_FIELD', 'no such field: color'],
        ['TYPE_MISMATCH', 'l.y takes INTEGER, not the number 1.5'],
        ['TYPE_MISMATCH', 'r.l takes STRING, not null'],
        ['TYPE_MISMATCH', 'ts takes TIMESTAMP, not the text "2026-02-30"'],
        ['TYPE_MISMATCH', 'i takes INTEGER, not the number 9223372036854775808'],
        ['TYPE_MISMATCH', 's takes STRING, not the object {"a":1}'],
        ['TYPE_MISMATCH', 'bo takes BOOLEAN, not the number 1'],
      ],
    );
    assert.equal(textsOf(result.failed)[0], '{"i":"one"}');
    sink.advance?.(Number.POSITIVE_INFINITY);
    await checkpoint(sink);
    assert.equal((await rowsIn(home)).length, 1);
  }),
);

test(
  'a commit that is repeated adds nothing, and what was staged after the checkpoint is taken back',
  withHome(async home => {
    const sink = await openSink(home, {}, { streaming: true });
    await write(sink, [{ a: 1 }, { a: 2 }]);
    const state = JSON.parse(JSON.stringify(await sink.prepare()));
    await write(sink, [{ a: 3 }]);
    // Killed before the commit; then between the commit and its clean-up; then after it.
    const again = await openSink(home, {}, { streaming: true, restored: state });
    await again.commit();
    const third = await openSink(home, {}, { streaming: true, restored: state });
    await third.commit();
    await third.commit();
    assert.deepEqual(await rowsIn(home), [{ a: '1' }, { a: '2' }]);
    await write(third, [{ a: 4 }]);
    await checkpoint(third);
    assert.deepEqual(await rowsIn(home, 'SELECT sum(a) AS s FROM w.main.t'), [{ s: '7' }]);
    await third.close(true);
    assert.deepEqual(await readdir(join(home, 'stages')), []);
  }),
);

test(
  'schema_update: evolve adds columns and widens types; what fits neither fails',
  withHome(async home => {
    const reports: string[] = [];
    const report = (_: string, text: string) => void reports.push(text);
    const sink = await openSink(home, { schema_update: 'evolve' }, { streaming: true, report });
    assert.deepEqual(await write(sink, [{ id: 1, d: '2026-01-02', r: { x: 1 } }]), []);
    await checkpoint(sink);
    assert.deepEqual(
      await write(sink, [
        { id: 2, name: 'b' },
        { id: 2.5, d: '2026-01-02T03:04:05Z', r: { x: 2, y: 'new' }, l: [1, 2] },
        { id: 'x' },
        { id: 3, empty: [], none: null, l: [0.5] },
        { id: 4, 'no-name': 1 },
      ]),
      [
        'BIGQUERY_TYPE_MISMATCH id takes FLOAT, not the text "x"',
        'BIGQUERY_NO_SUCH_FIELD no such field: no-name',
      ],
    );
    await checkpoint(sink);
    assert.deepEqual(await rowsIn(home), [
      { id: 1, d: '2026-01-02 00:00:00+00', r: { x: '1', y: null }, name: null, l: null },
      { id: 2, d: null, r: null, name: 'b', l: [] },
      { id: 2.5, d: '2026-01-02 03:04:05+00', r: { x: '2', y: 'new' }, name: null, l: [1, 2] },
      { id: 3, d: null, r: null, name: null, l: [0.5] },
    ]);
    assert.match(reports.join('\n'), /the first 1 rows tell id INTEGER, d DATE, r RECORD/);
    assert.match(
      reports.join('\n'),
      /column id widened from INTEGER to FLOAT, column d widened from DATE to TIMESTAMP/,
    );
  }),
);

test(
  'workers that find different types for a new field lose nothing: the column becomes text',
  withHome(async home => {
    const open = (index: number) =>
      openSink(
        join(home),
        { schema_update: 'evolve', schema: [{ name: 'id', type: 'INTEGER' }] },
        {
          streaming: true,
          jobDirectory: join(home, String(index)),
          worker: { index, count: 2 },
        },
      );
    const [a, b] = [await open(0), await open(1)];
    await write(a, [{ id: 1, v: 5 }]);
    await write(b, [{ id: 2, v: true }]);
    await checkpoint(a);
    await checkpoint(b);
    await write(a, [{ id: 3, v: 6 }]);
    await checkpoint(a);
    assert.deepEqual(await rowsIn(home), [
      { id: '1', v: '5' },
      { id: '2', v: 'true' },
      { id: '3', v: '6' },
    ]);
  }),
);

test(
  'workers that find a list and a number, or an object and text, for a new field lose nothing: the column becomes JSON',
  withHome(async home => {
    const schema = [{ name: 'id', type: 'INTEGER' }];
    const open = (index: number) =>
      openSink(
        home,
        { schema_update: 'evolve', schema },
        { streaming: true, jobDirectory: join(home, String(index)), worker: { index, count: 4 } },
      );
    const sinks = await Promise.all([0, 1, 2, 3].map(open));
    const rows: Row[] = [
      { id: 0, v: 5, w: 'text' },
      { id: 1, v: [1, 2], w: { x: 1 } },
      { id: 2, v: 6, w: '2026-11-20' },
      { id: 3, v: { y: 1 }, w: true },
    ];
    for (const [index, sink] of sinks.entries()) {
      await write(sink, rows.slice(index, index + 1));
      await checkpoint(sink);
    }
    assert.deepEqual(await rowsIn(home), [
      { id: '0', v: '5', w: '"text"' },
      { id: '1', v: '[1,2]', w: '{"x":1}' },
      { id: '2', v: '6', w: '"2026-11-20"' },
      { id: '3', v: '{"y":1}', w: 'true' },
    ]);
  }),
);

test(
  'a batch job shows its rows when it ends; WRITE_TRUNCATE replaces the table with them, schema and all',
  withHome(async home => {
    const end = async (sink: Sink) => {
      sink.advance?.(Number.POSITIVE_INFINITY);
      await checkpoint(sink);
    };
    const first = await openSink(home, {});
    await write(first, [{ a: 1 }]);
    await checkpoint(first);
    await assert.rejects(rowsIn(home));
    await end(first);
    assert.deepEqual(await rowsIn(home), [{ a: '1' }]);

    await assert.rejects(openSink(home, { write_disposition: 'WRITE_EMPTY' }, { jobId: '2' }), {
      code: 'TABLE_NOT_EMPTY',
      message: 'local:d.t has 1 rows, and WRITE_EMPTY asks for none',
    } satisfies Partial<SluiceError>);

    const schema = [{ name: 'b', type: 'STRING' }];
    for (const index of [0, 1]) {
      const sink = await openSink(
        home,
        { write_disposition: 'WRITE_TRUNCATE', schema },
        {
          jobId: '3',
          jobDirectory: join(home, String(index)),
          worker: { index, count: 2 },
        },
      );
      await write(sink, [{ b: `worker ${index}` }]);
      await end(sink);
    }
    assert.deepEqual(await rowsIn(home), [{ b: 'worker 0' }, { b: 'worker 1' }]);
  }),
);

test(
  'a table partitioned by the time rows come in tells that time',
  withHome(async home => {
    const sink = await openSink(
      home,
      { partitioning: { type: 'HOUR' }, clustering: ['a'] },
      { streaming: true },
    );
    for (const a of [1, 2]) {
      await write(sink, [{ a }]);
      await checkpoint(sink);
    }
    const [first] = await rowsIn(
      home,
      'SELECT count(*) AS n, count(_PARTITIONTIME) AS p, max(minute(_PARTITIONTIME)) AS m FROM w.main.t',
    );
    assert.deepEqual(first, { n: '2', p: '2', m: '0' });
  }),
);

const refusals: [name: string, config: object, message: RegExp, more?: Partial<StageContext>][] = [
  ['a table name that is none', { table: 'nothing' }, /"nothing" names no table/],
  ['a table name that leaves its folder', { table: '../..:a.b' }, /names no table/],
  [
    'a missing table that must not be made',
    { create_disposition: 'CREATE_NEVER' },
    /there is no table local:d.t, and CREATE_NEVER/,
  ],
  ['a schema without a type', { schema: [{ name: 'a' }] }, /the type of a is missing/],
  [
    'a schema with a field twice',
    {
      schema: {
        fields: [
          { name: 'a', type: 'STRING' },
          { name: 'A', type: 'STRING' },
        ],
      },
    },
    /the field A is there twice/,
  ],
  [
    'a schema file that is not there',
    { schema: '/nonexistent.json' },
    /the schema \/nonexistent.json: there is no such file/,
  ],
  [
    'a partition by text',
    { schema: [{ name: 'a', type: 'STRING' }], partitioning: { field: 'a' } },
    /cannot be partitioned by a/,
  ],
  [
    'a stream that replaces',
    { write_disposition: 'WRITE_TRUNCATE' },
    /a stream does not end/,
    { streaming: true },
  ],
];

for (const [name, config, message, more] of refusals) {
  test(
    `refuses ${name}`,
    withHome(async home => {
      await assert.rejects(openSink(home, config, more), message);
    }),
  );
}
