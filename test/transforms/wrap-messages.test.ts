import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../src/engine/batch.ts';
import { wrapMessages } from '../../src/transforms/wrap-messages.ts';
import { textsOf } from '../helpers/pipeline.ts';
import { openTransform } from './open.ts';

test('a message is one object on one line, with all digits of its payload', async t => {
  const { process } = await openTransform(t, wrapMessages, {});
  const payloads = ['{\n "n": 9007199254740993 }', 'a "text"', '{"broken"', Buffer.from([0xff, 0x00])];
  const metadata = payloads.map((_, i) => ({
    messageId: `m${i}`,
    ...(i === 0 && { attributes: { a: 'b' } }),
  }));
  const { good } = await process(batchOf(payloads, { metadata }));
  assert.deepEqual(good.flatMap(textsOf), [
    '{"data":{  "n": 9007199254740993 },"attributes":{"a":"b"},"messageId":"m0"}',
    '{"data":"a \\"text\\"","attributes":{},"messageId":"m1"}',
    '{"data":"{\\"broken\\"","attributes":{},"messageId":"m2"}',
    '{"data":"/wA=","attributes":{},"messageId":"m3"}',
  ]);
  const [batch] = good;
  assert.equal(batch?.metadata?.[3]?.messageId, 'm3', 'dead letters still know where it came from');
});
