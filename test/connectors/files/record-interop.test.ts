import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  readFromAvro,
  readFromParquet,
  writeToAvro,
  writeToParquet,
} from '../../../src/connectors/files/index.ts';
import type { Row } from '../../../src/formats/rows.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { missing } from '../../services/index.ts';
import { python } from '../../services/readers.ts';
import { openSink, openSource, readTexts, writeRows } from './record-parts.ts';

const skip = missing('readers');

/** What both formats have, with values at the ends of their types. */
const SCHEMA = {
  type: 'record',
  name: 'All',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'flag', type: ['null', 'boolean'] },
    { name: 'small', type: 'int' },
    { name: 'single', type: 'float' },
    { name: 'real', type: 'double' },
    { name: 'text', type: 'string' },
    { name: 'raw', type: 'bytes' },
    { name: 'four', type: { type: 'fixed', name: 'Four', size: 4 } },
    { name: 'suit', type: { type: 'enum', name: 'Suit', symbols: ['HEARTS', 'SPADES'] } },
    { name: 'day', type: { type: 'int', logicalType: 'date' } },
    { name: 'time', type: { type: 'long', logicalType: 'time-micros' } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'ms', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'price', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 9 }] },
    { name: 'list', type: { type: 'array', items: ['null', 'long'] } },
    { name: 'map', type: { type: 'map', values: 'string' } },
    {
      name: 'nested',
      type: [
        'null',
        {
          type: 'record',
          name: 'Inner',
          fields: [
            { name: 'a', type: ['null', 'string'] },
            { name: 'deep', type: { type: 'array', items: { type: 'array', items: 'int' } } },
          ],
        },
      ],
    },
  ],
};

const rowOf = (id: number): Row => ({
  id: id === 0 ? 2n ** 63n - 1n : id === 1 ? -(2n ** 63n) : id,
  flag: id % 3 === 0 ? null : id % 2 === 0,
  small: id % 2 === 0 ? 2 ** 31 - 1 : -(2 ** 31),
  single: id / 2,
  real: id / 7,
  text: `é ${id % 50} \u0000 🙂`,
  raw: Buffer.from([id & 0xff, 0, 0xff]).toString('base64'),
  four: Buffer.alloc(4, id & 0xff).toString('base64'),
  suit: id % 2 === 0 ? 'HEARTS' : 'SPADES',
  day: id % 2 === 0 ? '1899-12-31' : '2026-11-20',
  time: '23:59:59.999999',
  at: '2026-11-20T10:05:00.123456Z',
  ms: '1969-12-31T23:59:59.999Z',
  price: id % 4 === 0 ? null : `-${id}2345678901234567890.123456789`,
  list: id % 5 === 0 ? [] : [id, null],
  map: id % 2 === 0 ? {} : { 'a key': 'x', b: '' },
  nested: id % 3 === 0 ? null : { a: id % 2 === 0 ? null : 'x', deep: [[], [1, id]] },
});

const ROWS = 10_000;
const rows = Array.from({ length: ROWS }, (_, id) => rowOf(id));

/** Rows of Python as we would show them. */
const SHOW = `
import base64, datetime, decimal, json, sys
def show(v):
    if isinstance(v, dict): return {k: show(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [show(x) for x in v]
    if isinstance(v, bytes): return base64.b64encode(v).decode()
    if isinstance(v, decimal.Decimal): return format(v, 'f')
    if isinstance(v, datetime.datetime):
        s = v.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')
        f = v.microsecond
        return s + ('' if f == 0 else '.%03d' % (f // 1000) if f % 1000 == 0 else '.%06d' % f) + 'Z'
    if isinstance(v, (datetime.date, datetime.time)): return v.isoformat()
    return v
def digest(rows):
    print(json.dumps([show(r) for r in rows]))
`;

const exactTexts = (values: unknown): string[] =>
  // Integers beyond 2^53 come as JSON that only text comparison keeps.
  (values as unknown[]).map(value => JSON.stringify(value));

test('fastavro reads the files of every codec that we write', { skip }, async t => {
  const folder = await temporaryFolder(t);
  for (const codec of ['deflate', 'null', 'snappy', 'zstandard', 'bzip2']) {
    const given = codec === 'deflate' ? rows : rows.slice(0, 500);
    const path = join(folder, codec);
    assert.deepEqual(
      await writeRows(await openSink(writeToAvro, folder, { path, schema: SCHEMA, codec }), given),
      [],
    );
    const [file = ''] = globSync(`${path}*`);
    const read = python(
      `${SHOW}\nimport fastavro\nwith open(sys.argv[1], 'rb') as f: digest(fastavro.reader(f))`,
      file,
    );
    assert.deepEqual(exactTexts(read), exactTexts(JSON.parse(JSON.stringify(plain(given)))), codec);
  }
});

test('pyarrow reads the files of every codec that we write', { skip }, async t => {
  const folder = await temporaryFolder(t);
  for (const codec of ['snappy', 'gzip', 'zstd', 'none']) {
    const given = codec === 'snappy' ? rows : rows.slice(0, 500);
    const path = join(folder, codec);
    const config = { path, schema: SCHEMA, codec, row_group_buffer_size: 8000 };
    assert.deepEqual(await writeRows(await openSink(writeToParquet, folder, config), given), []);
    const [file = ''] = globSync(`${path}*`);
    const script = `${SHOW}
import pyarrow.parquet as pq
f = pq.ParquetFile(sys.argv[1])
assert f.num_row_groups > 3
rows = f.read().to_pylist()
for r in rows: r['map'] = dict(r['map'])
digest(rows)`;
    assert.deepEqual(
      exactTexts(python(script, file)),
      exactTexts(JSON.parse(JSON.stringify(plain(given)))),
      codec,
    );
  }
});

/** Integers beyond 2^53 as JavaScript reads them of JSON: Python wrote all digits. */
function plain(given: readonly Row[]): unknown[] {
  return given.map(row => ({ ...row, id: Number(row.id) }));
}

test('we read what fastavro writes', { skip }, async t => {
  const folder = await temporaryFolder(t);
  const made = await openSink(writeToAvro, folder, { path: join(folder, 'ours'), schema: SCHEMA });
  await writeRows(made, rows.slice(0, 2000));
  const [ours = ''] = globSync(join(folder, 'ours*'));
  const script = `
import fastavro, sys
with open(sys.argv[1], 'rb') as f:
    reader = fastavro.reader(f)
    rows = list(reader)
    for codec in ['null', 'deflate', 'snappy', 'zstandard', 'bzip2']:
        with open(sys.argv[2] + codec, 'wb') as out:
            fastavro.writer(out, reader.writer_schema, rows, codec=codec, sync_interval=50000)`;
  python(script, ours, join(folder, 'theirs-'));
  const expected = await readTexts(await openSource(t, readFromAvro, folder, { path: ours }));
  assert.equal(expected.length, 2000);
  for (const path of globSync(join(folder, 'theirs-*'))) {
    const read = await readTexts(await openSource(t, readFromAvro, folder, { path }));
    assert.deepEqual(read, expected, path);
  }
});

test('we read what pyarrow writes: its codecs, its versions of pages, its types', { skip }, async t => {
  const folder = await temporaryFolder(t);
  const script = `
import datetime, decimal, sys
import pyarrow as pa, pyarrow.parquet as pq
at = datetime.datetime(2026, 11, 20, 10, 5, 0, 123456)
n = 3000
table = pa.table({
    'id': pa.array(range(n), pa.int64()),
    'tiny': pa.array([i % 100 for i in range(n)], pa.uint8()),
    'wide': pa.array([2**64 - 1 - i for i in range(n)], pa.uint64()),
    'text': pa.array([None if i % 3 == 0 else 'name %d' % (i % 10) for i in range(n)]),
    'category': pa.array(['abc'[i % 3] for i in range(n)]).dictionary_encode(),
    'raw': pa.array([bytes([i % 256]) for i in range(n)]),
    'at': pa.array([at] * n, pa.timestamp('us', tz='UTC')),
    'nanos': pa.array([1 + i for i in range(n)], pa.timestamp('ns')),
    'day': pa.array([datetime.date(2026, 11, 20)] * n),
    'time': pa.array([datetime.time(10, 5)] * n),
    'price': pa.array([decimal.Decimal('%d.25' % i) for i in range(n)], pa.decimal128(30, 2)),
    'cheap': pa.array([decimal.Decimal('%d.5' % i) for i in range(n)], pa.decimal128(10, 1)),
    'list': pa.array([[i, None] if i % 2 else None for i in range(n)], pa.list_(pa.int32())),
    'map': pa.array([[('k', i)] for i in range(n)], pa.map_(pa.string(), pa.int64())),
    'struct': pa.array([{'a': {'b': [i]}} if i % 2 else None for i in range(n)]),
    'flag': pa.array([i % 2 == 0 for i in range(n)]),
    'real': pa.array([float('nan') if i == 0 else i / 4 for i in range(n)]),
})
out = sys.argv[1]
for codec in ['snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'none']:
    pq.write_table(table, out + codec, compression=codec, row_group_size=1000)
pq.write_table(table, out + 'v2', data_page_version='2.0', use_dictionary=False, version='2.6')
pq.write_table(table, out + 'int96', use_deprecated_int96_timestamps=True)
pq.write_table(table, out + 'delta', use_dictionary=False, column_encoding={'id': 'DELTA_BINARY_PACKED', 'real': 'BYTE_STREAM_SPLIT'})
`;
  python(script, join(folder, 'theirs-'));
  const paths = globSync(join(folder, 'theirs-*'));
  assert.equal(paths.length, 9);
  for (const path of paths) {
    const read = await readTexts(await openSource(t, readFromParquet, folder, { path }));
    assert.equal(read.length, 3000, path);
    const isOld = path.endsWith('int96');
    const common = {
      raw: Buffer.of(1).toString('base64'),
      at: isOld ? '2026-11-20T10:05:00.123456000Z' : '2026-11-20T10:05:00.123456Z',
      nanos: `1970-01-01T00:00:00.000000002${isOld ? 'Z' : ''}`,
      day: '2026-11-20',
      time: '10:05:00',
      price: '1.25',
      cheap: 1.5,
      list: [1, null],
      map: { k: 1 },
      struct: { a: { b: [1] } },
      flag: false,
      real: 0.25,
    };
    const [first = '', second = ''] = read;
    assert.match(second, /"wide":18446744073709551614,/);
    const { wide: _, ...rest } = JSON.parse(second);
    assert.deepEqual(rest, { id: 1, tiny: 1, text: 'name 1', category: 'b', ...common }, path);
    const { text, list, struct, real } = JSON.parse(first);
    assert.deepEqual(
      { text, list, struct, real },
      { text: null, list: null, struct: null, real: 'NaN' },
      path,
    );
  }
  const some = await openSource(t, readFromParquet, folder, {
    path: paths[0] ?? '',
    columns: ['id', 'flag'],
  });
  assert.equal((await readTexts(some))[2], '{"id":2,"flag":true}');
  await assert.rejects(openSource(t, readFromParquet, folder, { path: paths[0] ?? '', columns: ['none'] }), {
    code: 'INPUT_UNREADABLE',
    message: /it has no column none; there are id, tiny/,
  });
});
