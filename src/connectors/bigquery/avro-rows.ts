/** Rows of the Storage Read API, in Avro's binary form, to the JSON text of rows, in which no digit is lost. */
import type { Schema, Type } from 'avsc';
import { stringifyExact } from '../../formats/exact-json.ts';
import { isoDate, isoTime, isoTimestamp } from './times.ts';

/** The texts of so many rows, which lie side by side. */
export type AvroRows = (bytes: Buffer, count: number) => string[];

interface AvroSchema {
  type: string | AvroSchema | AvroField[];
  logicalType?: string;
  sqlType?: string;
  scale?: number;
  fields?: (AvroField & { type: AvroField })[];
  items?: AvroField;
}
type AvroField = string | AvroSchema | AvroField[];

/** @param schema the session's own, as JSON */
export async function avroRows(schema: string): Promise<AvroRows> {
  const { default: avro } = await import('avsc');
  const long = avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
  });
  const parsed: AvroSchema = JSON.parse(schema);
  // The registry is asked for primitives too: integers of 64 bits are exact.
  const type: Type = avro.Type.forSchema(parsed as Schema, { registry: { long }, wrapUnions: false });
  const write = writerOf(parsed);
  return (bytes, count) => {
    const texts: string[] = [];
    for (let offset = 0; texts.length < count; ) {
      const decoded = type.decode(bytes, offset) as { value: unknown; offset: number };
      if (decoded.offset < 0) throw new Error('the Storage API has sent half a row');
      texts.push(write(decoded.value));
      offset = decoded.offset;
    }
    return texts;
  };
}

type Writer = (value: unknown) => string;

function writerOf(schema: AvroField): Writer {
  if (Array.isArray(schema)) {
    const one = writerOf(schema.find(each => each !== 'null') ?? 'null');
    return value => (value === null || value === undefined ? 'null' : one(value));
  }
  if (typeof schema === 'string') return primitive(schema);
  if (schema.type === 'record') return recordWriter(schema.fields ?? []);
  if (schema.type === 'array') {
    const item = writerOf(schema.items ?? 'null');
    return value => `[${(value as unknown[]).map(item).join(',')}]`;
  }
  if (typeof schema.type !== 'string') return writerOf(schema.type);
  const { logicalType, sqlType, scale = 0 } = schema;
  if (sqlType === 'JSON') return value => String(value).replace(/[\r\n]/g, ' ');
  if (logicalType === 'decimal') return value => JSON.stringify(decimalText(value as Uint8Array, scale));
  return logical[logicalType ?? ''] ?? primitive(schema.type);
}

function recordWriter(fields: readonly { [key: string]: unknown }[] | AvroField[]): Writer {
  const columns = (fields as unknown as { name: string; type: AvroField; sqlType?: string }[]).map(
    ({ name, type }) => ({ name, key: `${JSON.stringify(name)}:`, write: writerOf(type) }),
  );
  return value => {
    const record = value as Record<string, unknown>;
    return `{${columns.map(({ name, key, write }) => key + write(record[name])).join(',')}}`;
  };
}

const text: Writer = value => JSON.stringify(value);

const logical: Readonly<Record<string, Writer>> = {
  'timestamp-micros': value => text(isoTimestamp(BigInt(value as bigint))),
  'time-micros': value => text(isoTime(BigInt(value as bigint))),
  date: value => text(isoDate(Number(value))),
  datetime: value => text(String(value).replace(' ', 'T')),
};

function primitive(type: string): Writer {
  if (type === 'bytes') return value => text(Buffer.from(value as Uint8Array).toString('base64'));
  if (type === 'float' || type === 'double')
    return value => (Number.isFinite(value) ? JSON.stringify(value) : text(String(value)));
  return stringifyExact;
}

/** A decimal of its unscaled digits in two's complement, without zeros at its end. */
function decimalText(bytes: Uint8Array, scale: number): string {
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
