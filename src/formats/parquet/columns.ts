/** Columns of Parquet for records of Avro: what each is called and holds, and how its values come out of a record. */
import type { SchemaElement } from 'hyparquet';
import { SluiceError } from '../../errors.ts';
import { type Cursor, readBytes, readInt, readLong, readString } from '../avro/cursor.ts';
import {
  bytesReader,
  compileReader,
  type LeafKind,
  type Leaves,
  readBoolean,
  symbolReader,
} from '../avro/decode.ts';
import type { AvroRecord, AvroType, Logical } from '../avro/schema.ts';
import { integerOfBytes, uuidText } from '../logical-values.ts';

/** The elements of the schema, as they stand in a file. @throws SluiceError SCHEMA_INVALID for what has no column */
export function parquetSchema(record: AvroRecord): SchemaElement[] {
  return [
    { name: 'root', num_children: record.fields.length },
    ...record.fields.flatMap(({ name, type }) => elementsOf(name, type, name, [record])),
  ];
}

type Repetition = Pick<SchemaElement, 'repetition_type'>;

function elementsOf(
  name: string,
  type: AvroType,
  path: string,
  within: readonly AvroRecord[],
  { repetition_type = 'REQUIRED' }: Repetition = {},
): SchemaElement[] {
  const repeated: Repetition = { repetition_type };
  if (type.kind === 'union')
    return elementsOf(name, onlyBranch(type.branches, path), path, within, {
      repetition_type: type.branches.some(({ kind }) => kind === 'null') ? 'OPTIONAL' : repetition_type,
    });
  if (type.kind === 'array')
    return [
      { name, ...repeated, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...elementsOf('element', type.items, `${path}[]`, within),
    ];
  if (type.kind === 'map')
    return [
      { name, ...repeated, num_children: 1, converted_type: 'MAP', logical_type: { type: 'MAP' } },
      { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
      ...elementsOf('key', { kind: 'string' }, `${path}.key`, within),
      ...elementsOf('value', type.values, `${path}.value`, within),
    ];
  if (type.kind !== 'record') return [{ name, ...repeated, ...leafElement(type, path) }];
  if (within.includes(type)) throw refuse(`${path} holds itself, which no columns can`);
  if (type.fields.length === 0) throw refuse(`the record ${path} has no fields`);
  return [
    { name, ...repeated, num_children: type.fields.length },
    ...type.fields.flatMap(field =>
      elementsOf(field.name, field.type, `${path}.${field.name}`, [...within, type]),
    ),
  ];
}

function onlyBranch(branches: readonly AvroType[], path: string): AvroType {
  const [only, ...others] = branches.filter(({ kind }) => kind !== 'null');
  if (only && others.length === 0) return only;
  throw refuse(
    `${path} is a union of ${branches.map(({ kind }) => kind).join(' and ')}: a column has one type, and null`,
  );
}

const refuse = (why: string): SluiceError => new SluiceError('SCHEMA_INVALID', `for Parquet: ${why}`);

type Leaf = Extract<AvroType, { kind: LeafKind }>;
type Element = Omit<SchemaElement, 'name' | 'repetition_type'>;

function leafElement(type: Leaf, path: string): Element {
  const { logical } = 'logical' in type ? type : {};
  if (logical) return logicalElement(type, logical);
  switch (type.kind) {
    case 'null':
      throw refuse(`${path} can only be null`);
    case 'boolean':
      return { type: 'BOOLEAN' };
    case 'int':
      return { type: 'INT32' };
    case 'long':
      return { type: 'INT64' };
    case 'float':
      return { type: 'FLOAT' };
    case 'double':
      return { type: 'DOUBLE' };
    case 'bytes':
      return { type: 'BYTE_ARRAY' };
    case 'fixed':
      return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: type.size };
    case 'string':
    case 'enum':
      return TEXT;
  }
}

const TEXT: Element = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };

function logicalElement(type: Leaf, logical: Logical): Element {
  if (logical.type === 'decimal') return decimalElement(logical);
  if (logical.type === 'uuid') return TEXT;
  if (logical.type === 'json') return { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } };
  if (logical.type === 'date')
    return { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } };
  const physical = type.kind === 'int' ? 'INT32' : 'INT64';
  const unit = unitOf(logical);
  if (logical.type.startsWith('time-'))
    return {
      type: physical,
      converted_type: unit === 'MILLIS' ? 'TIME_MILLIS' : 'TIME_MICROS',
      logical_type: { type: 'TIME', isAdjustedToUTC: true, unit },
    };
  const isAdjustedToUTC = !logical.type.startsWith('local-');
  const converted = unit === 'MILLIS' ? 'TIMESTAMP_MILLIS' : 'TIMESTAMP_MICROS';
  return {
    type: 'INT64',
    // Readers of old know only moments, and none of nanoseconds.
    ...(isAdjustedToUTC && unit !== 'NANOS' && { converted_type: converted }),
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit },
  };
}

function unitOf({ type }: Logical): 'MILLIS' | 'MICROS' | 'NANOS' {
  if (type.endsWith('nanos')) return 'NANOS';
  return type.endsWith('micros') ? 'MICROS' : 'MILLIS';
}

/** The smallest that takes all digits. */
function decimalElement({ precision, scale }: Extract<Logical, { type: 'decimal' }>): Element {
  const decimal: Element = {
    converted_type: 'DECIMAL',
    logical_type: { type: 'DECIMAL', precision, scale },
    precision,
    scale,
  };
  if (precision <= 9) return { type: 'INT32', ...decimal };
  if (precision <= 18) return { type: 'INT64', ...decimal };
  const bits = (10n ** BigInt(precision)).toString(2).length + 1;
  return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: Math.ceil(bits / 8), ...decimal };
}

/** A value as the writer of Parquet takes it. */
export type ParquetValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | ParquetValue[]
  | { [name: string]: ParquetValue };

/** Reads a field of a record as the value of its column. */
export const columnReader = (type: AvroType): ((cursor: Cursor) => ParquetValue) =>
  compileReader(type, columnLeaves);

const columnLeaves: Leaves<ParquetValue> = {
  of: type => {
    const { logical } = 'logical' in type ? type : {};
    if (logical?.type === 'decimal') {
      const read = bytesReader(type);
      return cursor => integerOfBytes(read(cursor));
    }
    if (logical?.type === 'uuid' && type.kind === 'fixed') return cursor => uuidText(readBytes(cursor, 16));
    switch (type.kind) {
      case 'null':
        return () => null;
      case 'boolean':
        return readBoolean;
      case 'int':
        return readInt;
      case 'long':
        return cursor => BigInt(readLong(cursor));
      case 'float':
        return cursor => readBytes(cursor, 4).readFloatLE();
      case 'double':
        return cursor => readBytes(cursor, 8).readDoubleLE();
      case 'string':
        return readString;
      case 'enum':
        return symbolReader(type.symbols);
      case 'bytes':
      case 'fixed':
        return bytesReader(type);
    }
  },
  map: entries => entries.map(([key, value]) => ({ key, value })),
  list: items => items,
  record: fields => fields,
};
