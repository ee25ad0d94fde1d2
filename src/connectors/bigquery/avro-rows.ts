/** Rows of the Storage Read API, in Avro's binary form, to the JSON text of rows, in which no digit is lost. */
import { cursorOver, readBytes, readInt, readLong, readString } from '../../formats/avro/cursor.ts';
import {
  type AvroReader,
  bytesReader,
  compileReader,
  type LeafKind,
  type Leaves,
  readBoolean,
  symbolReader,
} from '../../formats/avro/decode.ts';
import { type AvroType, type Logical, parseAvroSchema } from '../../formats/avro/schema.ts';
import { integerOfBytes } from '../../formats/logical-values.ts';
import { isoDate, isoTime, isoTimestamp } from './times.ts';

/** The texts of so many rows, which lie side by side. */
export type AvroRows = (bytes: Buffer, count: number) => string[];

/** @param schema the session's own, as JSON */
export function avroRows(schema: string): AvroRows {
  const read = compileReader(parseAvroSchema(schema, 'the schema of the Storage API'), texts);
  return (bytes, count) => {
    const cursor = cursorOver(bytes);
    return Array.from({ length: count }, () => read(cursor));
  };
}

const textOf = (value: string): string => JSON.stringify(value);

/** Values as the text that JSON has for them. */
const texts: Leaves<string> = {
  of: type => {
    const { logical } = 'logical' in type ? type : {};
    return (logical && logicalReader(type, logical)) ?? plainReader(type);
  },
  map: objectText,
  list: items => `[${items.join(',')}]`,
  record: fields => objectText(Object.entries(fields)),
};

function objectText(entries: [string, string][]): string {
  return `{${entries.map(([name, value]) => `${textOf(name)}:${value}`).join(',')}}`;
}

function logicalReader(type: AvroType, logical: Logical): AvroReader<string> | undefined {
  if (logical.type !== 'decimal') return logicalReaders[logical.type];
  const read = bytesReader(type);
  return cursor => textOf(decimalText(integerOfBytes(read(cursor)), logical.scale));
}

const logicalReaders: { readonly [name in Logical['type']]?: AvroReader<string> } = {
  'timestamp-micros': cursor => textOf(isoTimestamp(BigInt(readLong(cursor)))),
  'time-micros': cursor => textOf(isoTime(BigInt(readLong(cursor)))),
  date: cursor => textOf(isoDate(readInt(cursor))),
  datetime: cursor => textOf(readString(cursor).replace(' ', 'T')),
  // It is JSON already; outside of its texts a line break means nothing.
  json: cursor => readString(cursor).replace(/[\r\n]/g, ' '),
};

function plainReader(type: Extract<AvroType, { kind: LeafKind }>): AvroReader<string> {
  switch (type.kind) {
    case 'null':
      return () => 'null';
    case 'boolean':
      return cursor => String(readBoolean(cursor));
    case 'int':
    case 'long':
      return cursor => String(readLong(cursor));
    case 'float':
      return cursor => numberText(readBytes(cursor, 4).readFloatLE());
    case 'double':
      return cursor => numberText(readBytes(cursor, 8).readDoubleLE());
    case 'string':
      return cursor => textOf(readString(cursor));
    case 'bytes':
    case 'fixed': {
      const read = bytesReader(type);
      return cursor => textOf(read(cursor).toString('base64'));
    }
    case 'enum': {
      const read = symbolReader(type.symbols);
      return cursor => textOf(read(cursor));
    }
  }
}

/** JSON has no number for what is not finite. */
const numberText = (value: number): string =>
  Number.isFinite(value) ? JSON.stringify(value) : textOf(String(value));

/** A decimal of its unscaled digits, without zeros at its end. */
function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
