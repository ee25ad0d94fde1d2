import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchOf } from '../../src/engine/batch.ts';
import { joinLines, splitLines } from '../../src/formats/lines.ts';
import { textsOf } from '../helpers/pipeline.ts';

test('only a newline ends a line, and a return before it belongs to the ending', () => {
  const batch = splitLines(Buffer.from('a\r\n\u2028b\n\nc\rd\n\r\n'));
  assert.deepEqual(textsOf(batch), ['a', '\u2028b', '', 'c\rd', '']);
  assert.equal(batch.lines, false);
});

test('lines without returns lie ready to be written', () => {
  const bytes = Buffer.from('a\n\nb\n');
  const batch = splitLines(bytes);
  assert.equal(joinLines(batch).buffer, bytes.buffer);
  assert.equal(joinLines(batch).toString(), 'a\n\nb\n');
});

test('any lines survive joining and splitting', () => {
  const line = fc
    .uint8Array({ maxLength: 300 })
    .map(bytes => Buffer.from(bytes.filter(byte => byte !== 10 && byte !== 13)));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 400 }), lines => {
      const batch = splitLines(joinLines(batchOf(lines)));
      assert.equal(batch.count, lines.length);
      assert.deepEqual(joinLines(batch), joinLines(batchOf(lines)));
    }),
    { numRuns: 200 },
  );
});
