/** WrapMessages: a message as one JSON object, so that what follows sees all of it. */
import { isUtf8 } from 'node:buffer';
import { type Batch, batchOf, columnsAt, payloadOf } from '../engine/batch.ts';
import { defineTransform } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';

export const wrapMessages = defineTransform({
  name: 'WrapMessages',
  summary: 'Makes one JSON object of a message: its payload, its attributes and its id.',
  description:
    'The text becomes `{"data": …, "attributes": {…}, "messageId": "…"}`, on one line. `data` is the payload, as an ' +
    'object when it is one of JSON and else as text, or base64 where it is not UTF-8. It is text still, so that a ' +
    'function may make anything of it: put ParseJson behind it to have rows.',
  config: { type: 'object', properties: {} },
  examples: [
    {
      title: 'Messages with their attributes as lines of files',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: projects/local/subscriptions/orders}
    - type: WrapMessages
    - type: WindowInto
      config: {windowing: {type: fixed, size: 5m}}
    - type: WriteToText
      config: {path: gs://bucket/out/orders}
`,
    },
  ],
  output: input => {
    if (input.form === 'text') return input;
    throw new SluiceError(
      'PIPELINE_INVALID',
      'WrapMessages takes text, such as the payloads of ReadFromPubSub',
    );
  },
  open: async () => ({
    process(batch) {
      const all = Array.from({ length: batch.count }, (_, i) => i);
      return {
        good: [
          batchOf(
            all.map(i => wrapped(batch, i)),
            columnsAt(all, batch),
          ),
        ],
      };
    },
  }),
});

function wrapped(batch: Batch, index: number): string {
  const { attributes = {}, messageId } = batch.metadata?.[index] ?? {};
  const id = messageId === undefined ? '' : `,"messageId":${JSON.stringify(messageId)}`;
  return `{"data":${dataOf(payloadOf(batch, index))},"attributes":${JSON.stringify(attributes)}${id}}`;
}

/** The payload as JSON: an object keeps all its digits. */
function dataOf(payload: Buffer): string {
  if (!isUtf8(payload)) return JSON.stringify(payload.toString('base64'));
  const text = payload.toString();
  return isObject(text) ? text.trim().replace(/[\r\n]+/g, ' ') : JSON.stringify(text);
}

function isObject(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
