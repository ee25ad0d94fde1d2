/** Makes a batch of received messages, and knows when in event time they are. */
import { type Batch, batchOf, type Metadata } from '../../engine/batch.ts';
import { SluiceError } from '../../errors.ts';
import type { ReceivedMessage } from './client.ts';

/** What of a message becomes the element. */
export interface ElementShape {
  /** Attributes to be fields of the row. */
  attributes: readonly string[];
  /** Field that takes all attributes. */
  attributesMap?: string;
  /** Attribute that holds the event time. */
  timestampAttribute?: string;
}

export type Message = NonNullable<ReceivedMessage['message']>;

/** True when the elements are rows and not the bare payload. */
export const isRow = ({ attributes, attributesMap }: ElementShape): boolean =>
  attributes.length > 0 || attributesMap !== undefined;

/** The messages as a batch, with the columns for id, publish time, attributes and key, and the event times. */
export function toBatch(messages: readonly Message[], shape: ElementShape): Batch {
  const times = new Float64Array(messages.length);
  const metadata: Metadata[] = [];
  let lastMs = Number.NaN;
  let lastText = '';
  for (const [i, message] of messages.entries()) {
    const publishedMs = publishedAt(message);
    if (publishedMs !== lastMs) {
      lastMs = publishedMs;
      lastText = new Date(publishedMs).toISOString();
    }
    times[i] = shape.timestampAttribute ? eventTime(message, shape.timestampAttribute) : publishedMs;
    metadata.push(metadataOf(message, lastText));
  }
  const payloads = isRow(shape) ? messages.map(each => rowOf(each, shape)) : messages.map(each => each.data);
  return batchOf(payloads, { times, metadata });
}

export function publishedAt({ publishTime }: Message): number {
  if (!publishTime) return Date.now();
  return Number(publishTime.seconds) * 1000 + Math.floor(publishTime.nanos / 1_000_000);
}

function metadataOf({ messageId, attributes, orderingKey }: Message, publishTime: string): Metadata {
  const metadata: Metadata = { messageId, publishTime };
  // Only where there are some: most messages have none.
  for (const _ in attributes) {
    metadata.attributes = attributes;
    break;
  }
  if (orderingKey !== '') metadata.key = orderingKey;
  return metadata;
}

function rowOf({ data, attributes }: Message, shape: ElementShape): string {
  const row: Record<string, unknown> = Object.create(null);
  row.payload = data.toString();
  for (const name of shape.attributes) row[name] = Object.hasOwn(attributes, name) ? attributes[name] : null;
  if (shape.attributesMap !== undefined) row[shape.attributesMap] = attributes;
  return JSON.stringify(row);
}

/** Milliseconds since the epoch, or RFC 3339. */
function eventTime({ attributes, messageId }: Message, name: string): number {
  const text = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  const time = /^-?\d{1,15}$/.test(text ?? '') ? Number(text) : Date.parse(text ?? '');
  if (!Number.isNaN(time)) return time;
  throw new SluiceError(
    'ELEMENT_FAILED',
    `message ${messageId}: its attribute '${name}' is ${text === undefined ? 'missing' : `'${text}'`}; ` +
      'a time is milliseconds since the epoch, or RFC 3339',
  );
}
