import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, payloadBytes, positionOf, selectElements } from '../../src/engine/batch.ts';
import { textsOf } from '../helpers/pipeline.ts';

const times = Float64Array.of(1, 2, 3);
const metadata = [{ messageId: 'a' }, { messageId: 'b' }, {}];
const batch = batchOf(['one', '', 'drei'], { times, metadata, origin: { path: 'f', offset: 100 } });

test('a batch keeps payloads of any length, also none', () => {
  assert.deepEqual(textsOf(batch), ['one', '', 'drei']);
  assert.equal(payloadBytes(batch), 7);
});

test('selected elements keep their columns and share the bytes', () => {
  const failures = [{ code: 'X', message: 'm', transform: 't' }];
  const selected = selectElements(batch, [2], failures);
  assert.deepEqual(textsOf(selected), ['drei']);
  assert.equal(selected.bytes, batch.bytes);
  assert.deepEqual([...(selected.times ?? [])], [3]);
  assert.deepEqual(selected.failures, failures);
});

test('the position of an element is its message id, else its place in the file', () => {
  assert.equal(positionOf(batch, 1), 'b');
  assert.equal(positionOf(batch, 2), 'f:103');
  assert.equal(positionOf(batchOf(['x']), 0), undefined);
});
