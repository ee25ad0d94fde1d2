import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchOf } from '../../src/engine/batch.ts';
import { joinLines } from '../../src/formats/lines.ts';
import { forgetRows, type Row, rowBatch, rowsOf, selectRows } from '../../src/formats/rows.ts';
import { textsOf } from '../helpers/pipeline.ts';

const row = { form: 'row' } as const;

test('rows are parsed once, and text is a row of its field', () => {
  const batch = batchOf(['{"a":1}']);
  assert.deepEqual(rowsOf(batch, row), [{ a: 1 }]);
  assert.equal(rowsOf(batch, row), rowsOf(batch, row));
  assert.deepEqual(rowsOf(batchOf(['x']), { form: 'text', field: 'line' }), [{ line: 'x' }]);
});

test('64-bit integers stay exact on the way in and out', () => {
  const text = '{"id":9007199254740993,"n":1.5}';
  const rows = rowsOf(batchOf([text]), row);
  assert.equal(rows[0]?.id, 9007199254740993n);
  assert.deepEqual(textsOf(rowBatch(rows)), [text]);
});

test('integers of 64 bits are found wherever they stand, and only they are bigints', () => {
  const texts = [
    '{"a":[-9007199254740993, 12345678901234567890],"b":{"c": 9007199254740995\n}}',
    '{"f":8.280000000000001,"e":12345678901234567e3,"s":"9007199254740993","t":"a 9007199254740993, b"}',
    '{"é":9007199254740993}',
  ];
  assert.deepEqual(rowsOf(batchOf(texts), row), [
    { a: [-9007199254740993n, 12345678901234567890n], b: { c: 9007199254740995n } },
    { f: 8.280000000000001, e: 12345678901234567e3, s: '9007199254740993', t: 'a 9007199254740993, b' },
    { é: 9007199254740993n },
  ]);
});

test('rows that are let go of are parsed again, and those that were never bytes stay', () => {
  const read = batchOf(['{"a":1}']);
  const before = rowsOf(read, row);
  forgetRows(read);
  assert.notEqual(rowsOf(read, row), before);
  assert.deepEqual(rowsOf(read, row), before);
  const made = rowBatch([{ a: 1 }]);
  forgetRows(made);
  assert.deepEqual(rowsOf(made, row), [{ a: 1 }]);
});

test('a batch of rows lies ready to be written as lines', () => {
  const batch = rowBatch([{ a: 'é' }, { b: null }]);
  assert.equal(joinLines(batch).toString(), '{"a":"é"}\n{"b":null}\n');
});

test('any rows survive', () => {
  const value = fc.jsonValue({ maxDepth: 3 }).map(each => JSON.parse(JSON.stringify(each)));
  fc.assert(
    fc.property(fc.array(fc.record({ v: value, w: value }, { noNullPrototype: true })), rows => {
      const again = batchOf(textsOf(rowBatch(rows as Row[])));
      assert.deepEqual(textsOf(rowBatch(rowsOf(again, row))), textsOf(again));
    }),
  );
});

test('failed elements are the error rows of Beam', () => {
  const failures = [{ code: 'X', message: 'no', stack: 'at x', transform: 'T' }];
  const type = { form: 'failure' } as const;
  assert.deepEqual(rowsOf({ ...batchOf(['{"a":1}']), failures }, type), [
    { element: { a: 1 }, msg: 'no', stack: 'at x' },
  ]);
  assert.deepEqual(rowsOf({ ...batchOf(['no json']), failures, failedField: 'line' }, type), [
    { element: { line: 'no json' }, msg: 'no', stack: 'at x' },
  ]);
});

test('selected elements keep their rows, whether their bytes were made or not', () => {
  const rows: Row[] = [{ a: 1 }, { a: 'é' }, { a: 3 }];
  const made = rowBatch(rows, { times: Float64Array.of(1, 2, 3) });
  const fromRows = selectRows(made, [2, 1]);
  assert.equal(rowsOf(fromRows, row)[0], rows[2]);
  assert.deepEqual(textsOf(fromRows), ['{"a":3}', '{"a":"é"}']);
  assert.deepEqual(fromRows.times, Float64Array.of(3, 2));
  const read = batchOf(textsOf(made));
  const parsed = rowsOf(read, row);
  const fromBytes = selectRows(read, [1]);
  assert.equal(fromBytes.bytes, read.bytes);
  assert.equal(rowsOf(fromBytes, row)[0], parsed[1]);
});

test('a copy of a batch with other bytes has rows of its own', () => {
  const batch = batchOf(['{"a":1}']);
  rowsOf(batch, row);
  assert.deepEqual(rowsOf({ ...batch, bytes: Buffer.from('{"a":2}') }, row), [{ a: 2 }]);
});

test('what a source takes for a row and is none fails the job by its place', () => {
  const origin = { path: 'in.ndjson', offset: 100 };
  for (const [text, why] of [
    ['[1]', 'it is no object'],
    ['null', 'it is no object'],
    ['{', "Expected property name or '}' in JSON at position 1 (line 1 column 2)"],
  ] as const)
    assert.throws(() => rowsOf(batchOf([' {"a":1}', text], { origin }), row), {
      code: 'ELEMENT_FAILED',
      message: `the row at in.ndjson:108 is no JSON object: ${why}`,
    });
});

test('rows are cut where they lie, also beyond ASCII and with gaps between', () => {
  const bytes = Buffer.from('xx{"a":"é"}\r\n{"a":9007199254740993}  {"b":[]}');
  const at = (text: string) => bytes.indexOf(text);
  const starts = Int32Array.of(2, at('{"a":9'), at('{"b"'));
  const ends = Int32Array.of(at('\r'), at('  {"b"'), bytes.length);
  assert.deepEqual(rowsOf({ count: 3, bytes, starts, ends }, row), [
    { a: 'é' },
    { a: 9007199254740993n },
    { b: [] },
  ]);
});
