import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  batchOf,
  columnsAt,
  originalOf,
  payloadBytes,
  payloadOf,
  positionOf,
  selectElements,
} from '../../src/engine/batch.ts';
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

test('an element knows what it was when a source gave it, whatever became of its payload', () => {
  const given = batchOf(['a', 'b', 'c', 'd'], { origin: { path: 'f', offset: 10 } });
  const mapped = batchOf(['C', 'B', 'B2'], columnsAt([2, 1, 1], given));
  const selected = selectElements(batchOf(['x', 'y'], columnsAt([0, 2], mapped)), [1, 0]);
  const originals = [0, 1].map(i => {
    const { batch, index } = originalOf(selected, i);
    assert.equal(batch, given);
    return payloadOf(batch, index).toString();
  });
  assert.deepEqual(originals, ['b', 'c']);
  assert.deepEqual([positionOf(selected, 0), positionOf(selected, 1)], ['f:11', 'f:12']);
  assert.deepEqual(originalOf(given, 3), { batch: given, index: 3 });
});
