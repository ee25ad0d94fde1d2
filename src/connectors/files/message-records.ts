/** Messages as records of Google's templates: their payload as it is, and what they carry beside it. */
import { isUtf8 } from 'node:buffer';
import { type Batch, type Metadata, payloadOf } from '../../engine/batch.ts';
import type { Output } from '../../formats/avro/output.ts';
import { type RecordSchema, readRecordSchema } from '../../formats/record-schema.ts';

export const messageRecords = ['pubsub_message', 'kafka_record'] as const;
export type MessageRecord = (typeof messageRecords)[number];

const schemas: Record<MessageRecord, object> = {
  pubsub_message: recordOf('com.google.cloud.teleport.avro.AvroPubsubMessageRecord', 'bytes'),
  kafka_record: recordOf('com.google.cloud.teleport.v2.transforms.GenericKafkaRecord', 'string'),
};

function recordOf(name: string, message: 'bytes' | 'string'): object {
  const fields = [
    { name: 'message', type: message },
    { name: 'attributes', type: { type: 'map', values: 'string' } },
    { name: 'timestamp', type: 'long' },
  ];
  return { type: 'record', name, fields };
}

export const messageSchema = (record: MessageRecord): RecordSchema =>
  readRecordSchema(schemas[record], record);

/** Writes an element of a batch; gives what is wrong with it, if anything. */
export function writeMessage(
  record: MessageRecord,
  batch: Batch,
  index: number,
  output: Output,
): string | undefined {
  const payload = payloadOf(batch, index);
  if (record === 'kafka_record' && !isUtf8(payload)) return 'message takes text, and it is not UTF-8';
  output.long(payload.length);
  output.bytes(payload);
  const metadata = batch.metadata?.[index] ?? {};
  writeMap(record === 'kafka_record' ? withKey(metadata) : metadata.attributes, output);
  output.long(timeOf(batch.times?.[index]));
  return undefined;
}

const withKey = ({ attributes, key }: Metadata): Record<string, string> | undefined =>
  key === undefined ? attributes : { ...attributes, key };

function writeMap(map: Record<string, string> | undefined, output: Output): void {
  const entries = Object.entries(map ?? {});
  if (entries.length > 0) output.long(entries.length);
  for (const [name, value] of entries) {
    output.text(name);
    output.text(value);
  }
  output.long(0);
}

const timeOf = (ms: number | undefined): number => (Number.isFinite(ms) ? Math.trunc(ms ?? 0) : Date.now());
