import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inferFields, widened, widest } from '../../src/formats/infer-schema.ts';
import type { Row } from '../../src/formats/rows.ts';
import { parseTableSchema, readTableSchema, type TableField } from '../../src/formats/table-schema.ts';
import { readTimestamp } from '../../src/formats/table-times.ts';
import { rowEncoder } from '../../src/formats/table-values.ts';

const field = (type: string, more: Partial<TableField> = {}): TableField => {
  const [made] = readTableSchema([{ name: 'x', type: type === 'RECORD' ? 'STRING' : type }], 'x');
  assert.ok(made);
  return { ...made, ...(type === 'RECORD' && { type: 'RECORD' }), ...more };
};

for (const schema of [
  '[{"name": "a", "type": "int64"}]',
  '{"fields": [{"name": "a", "type": "INTEGER"}]}',
  '{"BigQuery Schema": [{"name": "a", "type": "INTEGER", "mode": "nullable"}]}',
]) {
  test(`${schema} is a schema`, () => {
    assert.deepEqual(parseTableSchema(schema, 'x'), [
      { name: 'a', type: 'INTEGER', mode: 'NULLABLE', fields: [] },
    ]);
  });
}

const faults: [schema: unknown, message: RegExp][] = [
  [{}, /a schema is a list of fields/],
  [[], /a schema is a list of fields/],
  [[{ name: 'a b', type: 'STRING' }], /field 1 has no name of letters, digits and underscores, but "a b"/],
  [[{ name: 'a', type: 'TEXT' }], /the type of a is "TEXT"; there are STRING/],
  [[{ name: 'a', type: 'constructor' }], /the type of a is "constructor"/],
  [
    [{ name: 'a', type: 'STRING', mode: 'MANY' }],
    /the mode of a is NULLABLE, REQUIRED or REPEATED, not MANY/,
  ],
  [[{ name: 'a', type: 'RECORD' }], /the RECORD a has no fields/],
  [[{ name: 'a', type: 'RECORD', fields: [{ name: 'b' }] }], /the type of b is missing/],
];

for (const [schema, message] of faults) {
  test(`${JSON.stringify(schema)} is no schema`, () =>
    assert.throws(() => readTableSchema(schema, 'x'), message));
}

const widenings: [from: TableField, to: TableField, exact: string | undefined, fallback: string][] = [
  [field('INTEGER'), field('FLOAT'), 'FLOAT', 'FLOAT'],
  [field('FLOAT'), field('INTEGER'), 'FLOAT', 'FLOAT'],
  [field('INTEGER'), field('NUMERIC'), 'NUMERIC', 'NUMERIC'],
  [field('DATE'), field('TIMESTAMP'), 'TIMESTAMP', 'TIMESTAMP'],
  [field('DATE'), field('DATETIME'), 'DATETIME', 'DATETIME'],
  [field('INTEGER'), field('STRING'), undefined, 'STRING'],
  [field('BOOLEAN'), field('DATE'), undefined, 'STRING'],
  [field('INTEGER'), field('INTEGER', { mode: 'REPEATED' }), undefined, 'JSON'],
  [field('RECORD', { fields: [field('STRING')] }), field('STRING'), undefined, 'JSON'],
];

for (const [from, to, exact, fallback] of widenings) {
  test(`${from.type} ${from.mode} with ${to.type} ${to.mode} is ${exact ?? `nothing but ${fallback}`}`, () => {
    assert.equal(widened(from, to)?.type, exact);
    assert.equal(widest(from, to).type, fallback);
  });
}

const times: [given: unknown, read: string | undefined][] = [
  ['2026-11-20T10:00:00Z', '2026-11-20 10:00:00+00:00'],
  ['2026-11-20t10:00:00.123456789+05:30', '2026-11-20 10:00:00.123456+05:30'],
  ['2026-11-20 10:00:00 UTC', '2026-11-20 10:00:00+00:00'],
  ['2026-11-20 10:00:00-08', '2026-11-20 10:00:00-08:00'],
  ['2026-11-20', '2026-11-20 00:00:00+00:00'],
  [0, '1970-01-01 00:00:00.000000+00:00'],
  [-0.5, '1969-12-31 23:59:59.500000+00:00'],
  ['1700000000.123456', '2023-11-14 22:13:20.123456+00:00'],
  ['2026-02-29', undefined],
  ['2026-11-20T24:00:00Z', undefined],
  ['2026-11-20T10:00:00+25:00', undefined],
  ['yesterday', undefined],
  ['', undefined],
  [1e20, undefined],
  [Number.NaN, undefined],
];

for (const [given, read] of times) {
  test(`the timestamp ${JSON.stringify(given)} is ${read}`, () => assert.equal(readTimestamp(given), read));
}

test('every row of JSON fits the schema that is inferred from it, and comes out as JSON on one line', () => {
  const name = fc.constantFrom('a', 'b', 'C', '_x', 'n1');
  const value = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.string(),
      fc.constantFrom('2026-11-20', '2026-11-20T10:00:00Z'),
      fc.array(tie('value'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(name, tie('value'), { minKeys: 1, maxKeys: 3 }),
    ),
  })).value;
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(name, value, { maxKeys: 4 }), { minLength: 1, maxLength: 5 }),
      given => {
        const rows = given as Row[];
        const encode = rowEncoder(inferFields(rows), true);
        for (const row of rows) {
          const text = encode(row);
          assert.equal(typeof text, 'string', JSON.stringify(text));
          assert.ok(!String(text).includes('\n'));
          JSON.parse(String(text));
        }
      },
    ),
    { numRuns: 300 },
  );
});
