/** Makes the message that is sent of an element, or says why there can be none. */
import { type Batch, payloadOf } from '../../engine/batch.ts';
import { parseExact, stringifyExact } from '../../formats/exact-json.ts';
import type { Message } from './record-batch.ts';

/** What of an element goes where in the message. */
export interface MessageShape {
  /** The value is the whole row as JSON, or that of its only field; absent: the element is the value. */
  row?: 'json' | 'field';
  /** Field of the row that is the key too. */
  key?: string;
  /** Fields of the row to be headers, and no part of the value. */
  headers: readonly string[];
  /** Key and headers of the message the element came from go on with it, and that it has no value. */
  keepMetadata: boolean;
  /** The time of the message is the element's, and not that of sending. */
  keepTime: boolean;
}

/** The message of element `index`, or what is wrong with it. */
export function messageOf(batch: Batch, index: number, shape: MessageShape, nowMs: number): Message | string {
  const payload = payloadOf(batch, index);
  const message: Message = { key: null, value: payload, headers: [], time: nowMs };
  if (shape.keepTime) message.time = timeOf(batch, index, nowMs);
  if (shape.keepMetadata) keepMetadata(message, batch, index);
  return shape.row ? takeFields(message, shape) : message;
}

function timeOf(batch: Batch, index: number, nowMs: number): number {
  const time = batch.times?.[index];
  return time === undefined || Number.isNaN(time) ? nowMs : Math.round(time);
}

function keepMetadata(message: Message, batch: Batch, index: number): void {
  const metadata = batch.metadata?.[index];
  if (!metadata) return;
  const { raw } = metadata;
  if (raw) {
    message.key = raw.key;
    message.headers = raw.headers;
    if (raw.isNull && message.value?.length === 0) message.value = null;
    return;
  }
  if (metadata.key !== undefined) message.key = Buffer.from(metadata.key);
  message.headers = Object.entries(metadata.attributes ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value),
  ]);
}

/** Reads the row only where something of it goes elsewhere. */
function takeFields(message: Message, { row, key, headers }: MessageShape): Message | string {
  if (row === 'json' && key === undefined && headers.length === 0) return message;
  const fields = fieldsOf(message.value ?? Buffer.alloc(0));
  if (!fields) return 'it is not a JSON object';
  if (key !== undefined) {
    const value = fields.get(key);
    message.key = value === undefined || value === null ? null : Buffer.from(textOf(value));
  }
  const more: [string, Buffer | null][] = [];
  for (const name of headers) {
    const value = fields.get(name);
    if (!fields.delete(name) || value === undefined) continue;
    more.push([name, value === null ? null : Buffer.from(textOf(value))]);
  }
  if (more.length > 0) message.headers = [...message.headers, ...more];
  if (row === 'json') {
    if (more.length > 0) message.value = Buffer.from(stringifyExact(Object.fromEntries(fields)));
    return message;
  }
  const [only, ...others] = fields.values();
  if (only === undefined || others.length > 0)
    return `besides headers it must have one field to be the value, and it has ${fields.size}`;
  message.value = only === null ? null : Buffer.from(textOf(only));
  return message;
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
