/** A record that is a message: its `payload`, and its `attributes` beside it. */
import { type Batch, batchOf, type Metadata, payloadOf } from '../../engine/batch.ts';

/** True when the records of a schema are JSON objects with a `payload`. */
export function isMessage(sample: string): boolean {
  const record = parse(sample);
  return typeof record === 'object' && record !== null && Object.hasOwn(record, 'payload');
}

/** The payloads of the records, with their attributes as metadata. */
export function messagesOf(batch: Batch): Batch {
  const payloads: string[] = [];
  const metadata: Metadata[] = [];
  for (let i = 0; i < batch.count; i++) {
    const { payload = '', attributes } = Object(parse(payloadOf(batch, i).toString()));
    payloads.push(textOf(payload));
    const named = Object.entries(Object(attributes)).map(([name, value]) => [name, textOf(value)]);
    metadata.push({ attributes: Object.fromEntries(named) });
  }
  return batchOf(payloads, { times: batch.times, metadata });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
