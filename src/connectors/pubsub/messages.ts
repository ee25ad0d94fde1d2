/** Makes the message that is published of an element, or says why there can be none. */
import { randomUUID } from 'node:crypto';
import { messageFault } from '../../cloud/pubsub/limits.ts';
import { type Batch, payloadOf, positionOf } from '../../engine/batch.ts';
import { parseExact, stringifyExact } from '../../formats/exact-json.ts';

/** What of an element goes where in the message. */
export interface MessageShape {
  /** The payload is the whole row as JSON, or the value of its only field. */
  row?: 'json' | 'field';
  /** Fields of the row to be attributes. */
  attributes: readonly string[];
  /** Field of the row that holds more attributes. */
  attributesMap?: string;
  idAttribute?: string;
  timestampAttribute?: string;
  /** Attributes and ordering key of the message the element came from go on with it. */
  keepAttributes: boolean;
}

export interface OutgoingMessage {
  data: Buffer;
  attributes: Record<string, string>;
  orderingKey: string;
}

/** The message of element `index`, or the reason why Pub/Sub would refuse it. */
export function messageOf(batch: Batch, index: number, shape: MessageShape): OutgoingMessage | string {
  const metadata = batch.metadata?.[index];
  const attributes: Record<string, string> = Object.create(null);
  if (shape.keepAttributes) Object.assign(attributes, metadata?.attributes);
  const data = dataOf(payloadOf(batch, index), shape, attributes);
  if (typeof data === 'string') return data;
  if (shape.idAttribute) attributes[shape.idAttribute] = positionOf(batch, index) ?? randomUUID();
  if (shape.timestampAttribute) attributes[shape.timestampAttribute] = String(timeOf(batch, index));
  const orderingKey = shape.keepAttributes ? (metadata?.key ?? '') : '';
  return (
    messageFault(data.length, Object.entries(attributes), orderingKey) ?? { data, attributes, orderingKey }
  );
}

/** The payload; fields that are to be attributes are put there. A string says what is wrong. */
function dataOf(payload: Buffer, shape: MessageShape, attributes: Record<string, string>): Buffer | string {
  const { row, attributes: names, attributesMap } = shape;
  if (!row || (row === 'json' && names.length === 0 && attributesMap === undefined)) return payload;
  const fields = fieldsOf(payload);
  if (!fields) return 'it is not a JSON object';
  for (const name of names) {
    const value = fields.get(name);
    fields.delete(name);
    if (value !== undefined && value !== null) attributes[name] = textOf(value);
  }
  if (attributesMap !== undefined) {
    const map = fields.get(attributesMap) ?? {};
    fields.delete(attributesMap);
    if (typeof map !== 'object' || Array.isArray(map)) return `its field '${attributesMap}' is not an object`;
    for (const [name, value] of Object.entries(map)) attributes[name] = textOf(value);
  }
  if (row === 'json') return Buffer.from(stringifyExact(Object.fromEntries(fields)));
  const [only, ...more] = fields.values();
  if (only === undefined || more.length > 0)
    return `besides attributes it must have one field to be the payload, and it has ${fields.size}`;
  return Buffer.from(textOf(only));
}

function fieldsOf(payload: Buffer): Map<string, unknown> | undefined {
  try {
    const row = parseExact(payload.toString());
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return new Map(Object.entries(row));
  } catch {
    // Not JSON.
  }
  return undefined;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : stringifyExact(value));

function timeOf(batch: Batch, index: number): number {
  const time = batch.times?.[index];
  return time === undefined || Number.isNaN(time) ? Date.now() : Math.round(time);
}
