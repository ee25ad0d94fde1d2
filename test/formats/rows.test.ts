import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchOf } from '../../src/engine/batch.ts';
import { joinLines } from '../../src/formats/lines.ts';
import { type Row, rowBatch, rowsOf } from '../../src/formats/rows.ts';
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
