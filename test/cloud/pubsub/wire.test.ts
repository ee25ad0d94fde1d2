import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { it } from 'node:test';
import { fromJSON, type MessageTypeDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { decodePublishRequest, encodeReceivedMessages } from '../../../src/cloud/pubsub/wire.ts';

const require = createRequire(createRequire(import.meta.url).resolve('@google-cloud/pubsub'));
const protos = fromJSON(require('@google-cloud/pubsub-api/build/protos/protos.json'), {
  longs: Number,
  defaults: true,
});
const type = (name: string) => protos[`google.pubsub.v1.${name}`] as MessageTypeDefinition<object, object>;

const message = fc.record({
  data: fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
  attributes: fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { noNullPrototype: true }),
  orderingKey: fc.string(),
  messageId: fc.constantFrom('', 'chosen by the client'),
});

it('reads what the official encoding writes, and delivers what it reads back', () => {
  const property = fc.property(
    fc.array(message),
    fc.integer({ min: 1, max: 2 ** 53 - 1 }),
    fc.integer({ min: 0, max: 4e12 }),
    (messages, id, publishedMs) => {
      const bytes = type('PublishRequest').serialize({ topic: 'projects/p/topics/t', messages });
      const request = decodePublishRequest(bytes);
      assert.equal(request.topic, 'projects/p/topics/t');
      assert.deepEqual(
        request.messages.map(({ key, dataBytes, attributes }) => [
          key,
          dataBytes,
          Object.fromEntries(attributes),
        ]),
        messages.map(({ orderingKey, data, attributes }) => [orderingKey, data.length, attributes]),
      );
      const delivered = request.messages.map(({ body }, i) => ({
        id,
        ackId: `1-${id}-${i}`,
        body,
        publishedMs,
        attempt: i,
      }));
      const response = type('StreamingPullResponse').deserialize(encodeReceivedMessages(delivered, true)) as {
        receivedMessages: { message: object; ackId: string; deliveryAttempt: number }[];
        subscriptionProperties: object;
      };
      assert.deepEqual(response.subscriptionProperties, {
        exactlyOnceDeliveryEnabled: false,
        messageOrderingEnabled: true,
      });
      const seconds = Math.floor(publishedMs / 1000);
      const publishTime = { seconds, nanos: (publishedMs % 1000) * 1e6 };
      assert.deepEqual(
        response.receivedMessages,
        messages.map(({ data, attributes, orderingKey }, i) => ({
          ackId: `1-${id}-${i}`,
          message: { data, attributes, messageId: String(id), publishTime, orderingKey },
          deliveryAttempt: i,
        })),
      );
    },
  );
  fc.assert(property, { numRuns: 200 });
});

it('refuses bytes that are no request with a RangeError, and nothing worse', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
    try {
      decodePublishRequest(Buffer.from(bytes));
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

it('takes every cut of a request for an error or a shorter request', () => {
  const messages = [{ data: Buffer.from('x'.repeat(200)), attributes: { a: 'b' } }];
  const bytes = type('PublishRequest').serialize({ topic: 'projects/p/topics/t', messages });
  for (let length = 1; length < bytes.length; length++) {
    try {
      assert.ok(decodePublishRequest(bytes.subarray(0, length)).messages.length <= 1);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  }
});
