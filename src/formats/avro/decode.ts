/** Avro's binary encoding to rows: logical types as rows have them, integers exact, bytes as base64. */
import {
  dateOfDays,
  decimalValue,
  integerOfBytes,
  momentText,
  timeText,
  type UnitsPerSecond,
  uuidText,
} from '../logical-values.ts';
import { parseRow, type RowValue } from '../rows.ts';
import {
  type Cursor,
  enter,
  malformed,
  readBytes,
  readInt,
  readItems,
  readLength,
  readLong,
  readString,
} from './cursor.ts';
import type { AvroRecord, AvroType, Logical } from './schema.ts';

/** Reads one value, and leaves the cursor behind it. @throws SluiceError INPUT_UNREADABLE */
export type AvroReader<Value = RowValue> = (cursor: Cursor) => Value;

/** How values come out, beside the structure, which is that of rows. */
export interface Leaves<Value> {
  of(type: Extract<AvroType, { kind: LeafKind }>): AvroReader<Value>;
  map(entries: [string, Value][]): Value;
  list(items: Value[]): Value;
  record(fields: { [name: string]: Value }): Value;
}

export type LeafKind = Exclude<AvroType['kind'], 'array' | 'map' | 'union' | 'record'>;

/** The reader of rows. */
export const rowReader = (type: AvroType): AvroReader => compileReader(type, rowLeaves);

export function compileReader<Value>(type: AvroType, leaves: Leaves<Value>): AvroReader<Value> {
  // A record that holds itself finds the reader that is being made.
  const records = new Map<AvroRecord, AvroReader<Value>>();
  const compile = (each: AvroType): AvroReader<Value> => {
    if (each.kind === 'array') return list(compile(each.items), leastBytes(each.items), leaves);
    if (each.kind === 'map') return map(compile(each.values), leaves);
    if (each.kind === 'union') return union(each.branches.map(compile));
    if (each.kind !== 'record') return leaves.of(each);
    const known = records.get(each);
    if (known) return known;
    let read: AvroReader<Value> | undefined;
    const late: AvroReader<Value> = cursor => (read ? read(cursor) : late(cursor));
    records.set(each, late);
    read = record(
      each.fields.map(({ name }) => name),
      each.fields.map(field => compile(field.type)),
      leaves,
    );
    return read;
  };
  return compile(type);
}

function record<Value>(
  names: readonly string[],
  readers: readonly AvroReader<Value>[],
  leaves: Leaves<Value>,
): AvroReader<Value> {
  return cursor => {
    enter(cursor);
    const row: { [name: string]: Value } = {};
    for (let i = 0; i < names.length; i++) {
      const [name, read] = [names[i], readers[i]];
      if (name !== undefined && read) row[name] = read(cursor);
    }
    cursor.depth--;
    return leaves.record(row);
  };
}

function list<Value>(read: AvroReader<Value>, least: number, leaves: Leaves<Value>): AvroReader<Value> {
  return cursor => {
    const items: Value[] = [];
    readItems(cursor, least, () => items.push(read(cursor)));
    return leaves.list(items);
  };
}

function map<Value>(read: AvroReader<Value>, leaves: Leaves<Value>): AvroReader<Value> {
  return cursor => {
    const entries: [string, Value][] = [];
    readItems(cursor, 1, () => entries.push([readString(cursor), read(cursor)]));
    return leaves.map(entries);
  };
}

function union<Value>(readers: readonly AvroReader<Value>[]): AvroReader<Value> {
  return cursor => {
    const index = readInt(cursor);
    const read = readers[index];
    if (!read) throw malformed(`a union of ${readers.length} has no branch ${index}`);
    return read(cursor);
  };
}

const rowLeaves: Leaves<RowValue> = {
  of: type => {
    const { logical } = 'logical' in type ? type : {};
    if (logical) return logicalReader(type, logical);
    return plainReader(type);
  },
  // A key may be called __proto__: an entry like any other here.
  map: entries => Object.fromEntries(entries),
  list: items => items,
  record: fields => fields,
};

function plainReader(type: Extract<AvroType, { kind: LeafKind }>): AvroReader {
  switch (type.kind) {
    case 'null':
      return () => null;
    case 'boolean':
      return readBoolean;
    case 'int':
      return readInt;
    case 'long':
      return readLong;
    case 'float':
      return cursor => number(readBytes(cursor, 4).readFloatLE());
    case 'double':
      return cursor => number(readBytes(cursor, 8).readDoubleLE());
    case 'string':
      return readString;
    case 'bytes':
      return cursor => readBytes(cursor, readLength(cursor)).toString('base64');
    case 'fixed':
      return cursor => readBytes(cursor, type.size).toString('base64');
    case 'enum':
      return symbolReader(type.symbols);
  }
}

export const readBoolean = (cursor: Cursor): boolean => {
  const byte = readBytes(cursor, 1)[0];
  if (byte === 0 || byte === 1) return byte === 1;
  throw malformed(`a boolean is 0 or 1, not ${byte}`);
};

export const symbolReader =
  (symbols: readonly string[]): AvroReader<string> =>
  cursor => {
    const index = readInt(cursor);
    const symbol = symbols[index];
    if (symbol !== undefined) return symbol;
    throw malformed(`an enum of ${symbols.length} has no symbol ${index}`);
  };

/** JSON has no number for it: then it is text, as in the rows of a table. */
const number = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

/** The bytes of what is kept as bytes or as fixed. */
export const bytesReader =
  (type: AvroType): ((cursor: Cursor) => Buffer) =>
  cursor =>
    readBytes(cursor, type.kind === 'fixed' ? type.size : readLength(cursor));

function logicalReader(type: AvroType, logical: Logical): AvroReader {
  if (logical.type === 'decimal') {
    const read = bytesReader(type);
    return cursor => decimalValue(integerOfBytes(read(cursor)), logical.precision, logical.scale);
  }
  if (logical.type === 'date') return cursor => dateOfDays(readInt(cursor));
  if (logical.type === 'json') return cursor => jsonValue(readString(cursor));
  if (logical.type === 'datetime') return cursor => readString(cursor).replace(' ', 'T');
  if (logical.type === 'uuid')
    return type.kind === 'fixed' ? cursor => uuidText(readBytes(cursor, 16)) : readString;
  const perSecond = unitsPerSecond(logical);
  if (logical.type.startsWith('time-')) return cursor => timeText(Number(readLong(cursor)), perSecond);
  const utc = !logical.type.startsWith('local-');
  return cursor => momentText(readLong(cursor), perSecond, utc);
}

/** Of the logical types of times. */
export function unitsPerSecond({ type }: Logical): UnitsPerSecond {
  if (type.endsWith('nanos')) return 1_000_000_000;
  return type.endsWith('micros') ? 1_000_000 : 1000;
}

function jsonValue(text: string): RowValue {
  try {
    return parseRow(text);
  } catch {
    return text;
  }
}

/** How many bytes a value of the type takes at least: 0 only for those that hold nothing. */
export function leastBytes(type: AvroType, within: readonly AvroType[] = []): number {
  if (type.kind === 'null') return 0;
  if (type.kind === 'fixed') return type.size;
  if (type.kind !== 'record') return 1;
  if (within.includes(type)) return 0;
  return type.fields.reduce((sum, field) => sum + leastBytes(field.type, [...within, type]), 0);
}
