/** Avro schemas: read from JSON, names resolved, checked. They may hold themselves, so types are objects with links. */
import { SluiceError } from '../../errors.ts';
import { decimalValue, integerOfBytes } from '../logical-values.ts';
import type { RowValue } from '../rows.ts';

export type AvroPrimitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** What the bare values of a type mean. */
export type Logical =
  | { type: 'decimal'; precision: number; scale: number }
  | { type: (typeof SIMPLE_LOGICAL)[number] };

export type AvroType =
  | { kind: AvroPrimitive; logical?: Logical }
  | { kind: 'fixed'; name: string; size: number; logical?: Logical }
  | { kind: 'enum'; name: string; symbols: readonly string[] }
  | { kind: 'array'; items: AvroType }
  | { kind: 'map'; values: AvroType }
  | { kind: 'union'; branches: readonly AvroType[] }
  | AvroRecord;

export interface AvroRecord {
  kind: 'record';
  name: string;
  fields: AvroField[];
}

export interface AvroField {
  name: string;
  type: AvroType;
  /** As a row has it; absent: there is none. */
  default?: RowValue;
}

const PRIMITIVES: readonly string[] = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
];
const SIMPLE_LOGICAL = [
  'date',
  'time-millis',
  'time-micros',
  'timestamp-millis',
  'timestamp-micros',
  'timestamp-nanos',
  'local-timestamp-millis',
  'local-timestamp-micros',
  'local-timestamp-nanos',
  'uuid',
  'json',
  'datetime',
] as const;
const BASES: Record<(typeof SIMPLE_LOGICAL)[number], readonly string[]> = {
  date: ['int'],
  'time-millis': ['int'],
  'time-micros': ['long'],
  'timestamp-millis': ['long'],
  'timestamp-micros': ['long'],
  'timestamp-nanos': ['long'],
  'local-timestamp-millis': ['long'],
  'local-timestamp-micros': ['long'],
  'local-timestamp-nanos': ['long'],
  uuid: ['string', 'fixed'],
  json: ['string'],
  // BigQuery's own.
  datetime: ['string'],
};

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_DEPTH = 64;
const MAX_TYPES = 20_000;
const MAX_FIXED_BYTES = 1 << 20;

/**
 * The type of a schema's JSON text.
 * @param where what the schema is called in messages
 * @throws SluiceError SCHEMA_INVALID
 */
export function parseAvroSchema(text: string, where: string): AvroType {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refuse(where, `it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  return readAvroSchema(json, where);
}

/** As `parseAvroSchema`, of JSON that is parsed already. */
export function readAvroSchema(json: unknown, where: string): AvroType {
  const named = new Map<string, AvroType>();
  let count = 0;

  const define = (given: object, space: string): { full: string; space: string } => {
    const name = ownOf(given, 'name');
    if (typeof name !== 'string' || !name.split('.').every(part => NAME.test(part)))
      throw refuse(where, `${show(name)} is no name of letters, digits and underscores`);
    const own = ownOf(given, 'namespace');
    const full = name.includes('.') ? name : joined(typeof own === 'string' ? own : space, name);
    if (named.has(full)) throw refuse(where, `${full} is defined twice`);
    return { full, space: full.slice(0, Math.max(0, full.lastIndexOf('.'))) };
  };

  const read = (given: unknown, space: string, depth: number): AvroType => {
    if (++count > MAX_TYPES || depth > MAX_DEPTH)
      throw refuse(where, `it is larger than ${MAX_TYPES} types, or deeper than ${MAX_DEPTH}`);
    if (typeof given === 'string') return reference(given, space);
    if (Array.isArray(given)) return union(given.map(each => read(each, space, depth + 1)));
    if (typeof given !== 'object' || given === null) throw refuse(where, `${show(given)} is no type`);
    const kind = ownOf(given, 'type');
    if (kind === 'record' || kind === 'error') return record(given, space, depth);
    if (kind === 'enum') return enumeration(given, space);
    if (kind === 'fixed') return fixed(given, space);
    if (kind === 'array') return { kind, items: read(ownOf(given, 'items'), space, depth + 1) };
    if (kind === 'map') return { kind, values: read(ownOf(given, 'values'), space, depth + 1) };
    const base = read(kind, space, depth + 1);
    return isPrimitive(base) ? withLogical(base, given) : base;
  };

  const reference = (name: string, space: string): AvroType => {
    if (PRIMITIVES.includes(name)) return { kind: name as AvroPrimitive };
    const found = named.get(name.includes('.') ? name : joined(space, name)) ?? named.get(name);
    if (found) return found;
    throw refuse(where, `there is no type ${show(name)}`);
  };

  const union = (branches: AvroType[]): AvroType => {
    if (branches.length === 0) throw refuse(where, 'a union has no branches');
    if (branches.some(({ kind }) => kind === 'union')) throw refuse(where, 'a union holds a union');
    return { kind: 'union', branches };
  };

  const record = (given: object, space: string, depth: number): AvroType => {
    const name = define(given, space);
    const type: AvroRecord = { kind: 'record', name: name.full, fields: [] };
    named.set(name.full, type);
    const fields = ownOf(given, 'fields');
    if (!Array.isArray(fields)) throw refuse(where, `the record ${name.full} has no list of fields`);
    const names = new Set<string>();
    for (const field of fields) {
      const own = ownOf(field, 'name');
      if (typeof own !== 'string' || !NAME.test(own) || own === '__proto__')
        throw refuse(
          where,
          `${name.full} has a field called ${show(own)}, which is no name that it may have`,
        );
      if (names.has(own)) throw refuse(where, `${name.full} has the field ${own} twice`);
      names.add(own);
      const fieldType = read(ownOf(field, 'type'), name.space, depth + 1);
      const standard = ownOf(field, 'default');
      type.fields.push({
        name: own,
        type: fieldType,
        ...(standard !== undefined && { default: defaultOf(fieldType, standard) }),
      });
    }
    return type;
  };

  const enumeration = (given: object, space: string): AvroType => {
    const { full } = define(given, space);
    const symbols = ownOf(given, 'symbols');
    if (!Array.isArray(symbols) || symbols.length === 0 || !symbols.every(each => typeof each === 'string'))
      throw refuse(where, `the enum ${full} has no symbols`);
    const type: AvroType = { kind: 'enum', name: full, symbols };
    named.set(full, type);
    return type;
  };

  const fixed = (given: object, space: string): AvroType => {
    const { full } = define(given, space);
    const size = Number(ownOf(given, 'size'));
    if (!Number.isInteger(size) || size < 0 || size > MAX_FIXED_BYTES)
      throw refuse(where, `the fixed ${full} has no size of 0 to ${MAX_FIXED_BYTES} bytes`);
    const type = withLogical({ kind: 'fixed', name: full, size }, given);
    named.set(full, type);
    return type;
  };

  return read(json, '', 1);
}

type Bare = Extract<AvroType, { kind: AvroPrimitive | 'fixed' }>;

const isPrimitive = (type: AvroType): type is Bare => PRIMITIVES.includes(type.kind);

/** A logical type that does not fit its base is none, as Avro has it. */
function withLogical(type: Bare, given: object): Bare {
  // BigQuery's exports say so of JSON.
  const name = ownOf(given, 'sqlType') === 'JSON' ? 'json' : ownOf(given, 'logicalType');
  if (name === 'decimal' && (type.kind === 'bytes' || type.kind === 'fixed')) {
    const precision = Number(ownOf(given, 'precision'));
    const scale = Number(ownOf(given, 'scale') ?? 0);
    const isSound =
      Number.isInteger(precision) && Number.isInteger(scale) && scale >= 0 && precision >= scale;
    return isSound && precision > 0 && precision <= 1000
      ? { ...type, logical: { type: 'decimal', precision, scale } }
      : type;
  }
  const simple = SIMPLE_LOGICAL.find(each => each === name);
  if (!simple || !BASES[simple].includes(type.kind)) return type;
  if (simple === 'uuid' && type.kind === 'fixed' && type.size !== 16) return type;
  return { ...type, logical: { type: simple } };
}

/** A default as a row has it: that of a union is of its first branch, bytes are letters of Latin-1. */
function defaultOf(type: AvroType, given: unknown): RowValue {
  if (type.kind === 'union') {
    const [first] = type.branches;
    return first ? defaultOf(first, given) : null;
  }
  if ((type.kind === 'bytes' || type.kind === 'fixed') && typeof given === 'string') {
    const bytes = Buffer.from(given, 'latin1');
    const { logical } = type;
    if (logical?.type !== 'decimal') return bytes.toString('base64');
    return decimalValue(integerOfBytes(bytes), logical.precision, logical.scale);
  }
  if (type.kind === 'array' && Array.isArray(given)) return given.map(each => defaultOf(type.items, each));
  if (type.kind === 'record')
    return Object.fromEntries(
      type.fields.flatMap(field => {
        const own = ownOf(given, field.name);
        return own === undefined ? [] : [[field.name, defaultOf(field.type, own)]];
      }),
    );
  return given as RowValue;
}

const joined = (space: string, name: string): string => (space === '' ? name : `${space}.${name}`);

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 100);

function ownOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

const refuse = (where: string, why: string): SluiceError =>
  new SluiceError('SCHEMA_INVALID', `${where}: ${why}`);
