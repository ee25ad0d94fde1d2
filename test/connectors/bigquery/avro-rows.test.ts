import assert from 'node:assert/strict';
import { test } from 'node:test';
import avro from 'avsc';
import { avroRows } from '../../../src/connectors/bigquery/avro-rows.ts';

const optional = (type: object | string) => ['null', type];
const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a > b) - Number(a < b),
});

/** The type as a session of BigQuery has it, the value that another implementation writes, and its JSON. */
const cases: [what: string, type: object | string, value: unknown, json: string][] = [
  ['integers are exact', 'long', 9007199254740993n, '9007199254740993'],
  ['floats are numbers', 'double', 0.1, '0.1'],
  ['what is not finite is text', 'double', Number.NaN, '"NaN"'],
  ['text is escaped', 'string', 'a "b"\n', '"a \\"b\\"\\n"'],
  ['bytes are base64', 'bytes', Buffer.from([0xff, 0]), '"/wA="'],
  ['booleans', 'boolean', true, 'true'],
  ['null', optional('boolean'), null, 'null'],
  ['what may be null', optional('long'), 5n, '5'],
  ['dates', { type: 'int', logicalType: 'date' }, -1, '"1969-12-31"'],
  ['times of the day', { type: 'long', logicalType: 'time-micros' }, 36_300_250_000, '"10:05:00.250000"'],
  [
    'timestamps before the epoch',
    { type: 'long', logicalType: 'timestamp-micros' },
    -1,
    '"1969-12-31T23:59:59.999999Z"',
  ],
  [
    'dates with time',
    { type: 'string', logicalType: 'datetime' },
    '2026-11-20 10:05:00',
    '"2026-11-20T10:05:00"',
  ],
  ['JSON is itself', { type: 'string', sqlType: 'JSON' }, '{"a":\n[1.0]}', '{"a": [1.0]}'],
  [
    'decimals keep their digits',
    { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 9 },
    Buffer.from((-12_500_000_000n & 0xffffffffffffn).toString(16).padStart(12, '0'), 'hex'),
    '"-12.5"',
  ],
  ['lists', { type: 'array', items: 'string' }, ['a', 'b'], '["a","b"]'],
  [
    'rows in rows',
    {
      type: 'array',
      items: { type: 'record', name: '__s_0', fields: [{ name: 'n', type: optional('long') }] },
    },
    [{ n: 1n }, { n: null }],
    '[{"n":1},{"n":null}]',
  ],
];

for (const [what, type, value, json] of cases)
  test(`rows of the Storage API: ${what}`, () => {
    const schema = { type: 'record', name: '__root__', fields: [{ name: 'v', type }] } as avro.Schema;
    const writer = avro.Type.forSchema(schema, { registry: { long }, wrapUnions: false });
    const row = writer.toBuffer({ v: value });
    const decode = avroRows(JSON.stringify(schema));
    const expected = `{"v":${json}}`;
    assert.deepEqual(decode(Buffer.concat([row, row]), 2), [expected, expected]);
    if (row.length > 0) assert.throws(() => decode(row.subarray(0, -1), 1), { code: 'INPUT_UNREADABLE' });
  });
