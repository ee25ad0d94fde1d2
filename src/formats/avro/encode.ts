/** Rows to Avro's binary encoding, or what of a row does not fit its schema. */

import { stringifyExact } from '../exact-json.ts';
import { bytesOfInteger, daysOfDate, unitsOfMoment, unitsOfTime, unscaledOf } from '../logical-values.ts';
import type { RowValue } from '../rows.ts';
import { unitsPerSecond } from './decode.ts';
import type { Output } from './output.ts';
import type { AvroField, AvroRecord, AvroType, Logical } from './schema.ts';

/**
 * Writes a value, and gives undefined, or what is wrong with it: then what was written is to be taken back. The words
 * begin with the path of the value, if any.
 */
export type AvroWriter = (value: RowValue, output: Output) => string | undefined;

/**
 * Numbers and booleans are taken from text and text from them, as tables take them; in a union a branch that takes the
 * value as it is comes first.
 * @param lenient fields that the schema lacks may be there when they hold nothing: null, `[]` or `{}`
 */
export function rowWriter(type: AvroType, lenient = false): AvroWriter {
  const records = new Map<AvroRecord, AvroWriter>();
  const compile = (each: AvroType): AvroWriter => {
    if (each.kind === 'array') return list(compile(each.items));
    if (each.kind === 'map') return map(compile(each.values));
    if (each.kind === 'union') return union(each.branches, each.branches.map(compile));
    if (each.kind !== 'record') return leaf(each);
    const known = records.get(each);
    if (known) return known;
    let write: AvroWriter | undefined;
    const late: AvroWriter = (value, output) => (write ?? late)(value, output);
    records.set(each, late);
    write = record(
      each,
      each.fields.map(field => compile(field.type)),
      lenient,
    );
    return write;
  };
  return compile(type);
}

const MAX_DEPTH = 100;

interface Column extends AvroField {
  write: AvroWriter;
  nullable: boolean;
  /** An object has that name from its prototype. */
  inherited: boolean;
}

function record(type: AvroRecord, writers: readonly AvroWriter[], lenient: boolean): AvroWriter {
  const refuse: AvroWriter = () => undefined;
  const columns = type.fields.map(
    (field, i): Column => ({
      ...field,
      write: writers[i] ?? refuse,
      nullable: takesNull(field.type),
      inherited: field.name in {},
    }),
  );
  const names = new Set(columns.map(({ name }) => name));
  return (value, output) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return takes('a record', value);
    if (++output.depth > MAX_DEPTH) return ` is nested deeper than ${MAX_DEPTH}`;
    let seen = 0;
    for (const column of columns) {
      const { name } = column;
      let given = column.inherited && !Object.hasOwn(value, name) ? undefined : value[name];
      if (given !== undefined) seen++;
      if (given === undefined || (given === null && !column.nullable)) {
        if (column.default !== undefined) given = column.default;
        else if (given === undefined && !column.nullable) return `${name} is missing`;
        else given = null;
      }
      const wrong = column.write(given, output);
      if (wrong !== undefined) return within(name, wrong);
    }
    output.depth--;
    if (seen === Object.keys(value).length) return undefined;
    const further = Object.keys(value).find(
      name => !names.has(name) && !(lenient && holdsNothing(value[name] ?? null)),
    );
    return further === undefined ? undefined : `${further.slice(0, MAX_SHOWN)} is no field of the schema`;
  };
}

const holdsNothing = (value: RowValue): boolean =>
  value === null || (typeof value === 'object' && Object.keys(value).length === 0);

const takesNull = (type: AvroType): boolean =>
  type.kind === 'null' || (type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null'));

/** `a` and ` takes …`, or `b takes …`: the path grows from the inside. */
const within = (name: string, wrong: string): string =>
  wrong.startsWith(' ') || wrong.startsWith('[') ? name + wrong : `${name}.${wrong}`;

function list(write: AvroWriter): AvroWriter {
  return (value, output) => {
    if (!Array.isArray(value)) return takes('a list', value);
    if (value.length > 0) output.long(value.length);
    for (const [i, item] of value.entries()) {
      const wrong = write(item, output);
      if (wrong !== undefined) return within(`[${i}]`, wrong);
    }
    output.long(0);
    return undefined;
  };
}

function map(write: AvroWriter): AvroWriter {
  return (value, output) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return takes('a map', value);
    const entries = Object.entries(value);
    if (entries.length > 0) output.long(entries.length);
    for (const [key, item] of entries) {
      output.text(key);
      const wrong = write(item, output);
      if (wrong !== undefined) return within(key.slice(0, MAX_SHOWN), wrong);
    }
    output.long(0);
    return undefined;
  };
}

function union(branches: readonly AvroType[], writers: readonly AvroWriter[]): AvroWriter {
  const none = branches.findIndex(({ kind }) => kind === 'null');
  const others = writers.map((write, index) => ({ write, index })).filter(({ index }) => index !== none);
  const [only] = others;
  const isSingle = others.length === 1;
  const emptyIsNothing = !branches.some(({ kind }) => ['string', 'bytes', 'enum'].includes(kind));
  return (value, output) => {
    if (value === null && none >= 0) {
      output.long(none);
      return undefined;
    }
    // Text formats have no other word for nothing.
    if (value === '' && none >= 0 && emptyIsNothing && !output.strict) {
      output.long(none);
      return undefined;
    }
    if (isSingle && only) {
      output.long(only.index);
      return only.write(value, output);
    }
    const { at, depth, strict } = output;
    let first: string | undefined;
    for (const isStrict of strict ? [true] : [true, false]) {
      for (const { write, index } of others) {
        output.strict = isStrict;
        output.long(index);
        const wrong = write(value, output);
        output.strict = strict;
        if (wrong === undefined) return undefined;
        first ??= wrong;
        output.at = at;
        output.depth = depth;
      }
    }
    return others.length === 0 ? takes('null', value) : (first ?? takes('nothing', value));
  };
}

function leaf(type: Exclude<AvroType, { kind: 'array' | 'map' | 'union' | 'record' }>): AvroWriter {
  const { logical } = 'logical' in type ? type : {};
  if (logical) return logicalWriter(type, logical);
  switch (type.kind) {
    case 'null':
      return value => (value === null ? undefined : takes('null', value));
    case 'boolean':
      return booleanWriter;
    case 'int':
      return integerWriter('an integer of 32 bits', 31n);
    case 'long':
      return integerWriter('an integer of 64 bits', 63n);
    case 'float':
      return floatWriter('a number', (value, output) => output.float(value));
    case 'double':
      return floatWriter('a number', (value, output) => output.double(value));
    case 'string':
      return textWriter;
    case 'bytes':
      return (value, output) => {
        const bytes = bytesOf(value);
        if (!bytes) return takes('bytes as base64', value);
        output.long(bytes.length);
        output.bytes(bytes);
        return undefined;
      };
    case 'fixed':
      return (value, output) => {
        const bytes = bytesOf(value);
        if (bytes?.length !== type.size) return takes(`${type.size} bytes as base64`, value);
        output.bytes(bytes);
        return undefined;
      };
    case 'enum': {
      const indices = new Map(type.symbols.map((symbol, i) => [symbol, i]));
      return (value, output) => {
        const index = typeof value === 'string' ? indices.get(value) : undefined;
        if (index === undefined) return takes(`one of ${type.symbols.join(', ').slice(0, MAX_SHOWN)}`, value);
        output.long(index);
        return undefined;
      };
    }
  }
}

const booleanWriter: AvroWriter = (value, output) => {
  const text = typeof value === 'string' && !output.strict ? value.toLowerCase() : value;
  if (text !== true && text !== false && text !== 'true' && text !== 'false')
    return takes('a boolean', value);
  output.byte(text === true || text === 'true' ? 1 : 0);
  return undefined;
};

const textWriter: AvroWriter = (value, output) => {
  if (typeof value === 'string') output.text(value);
  else if (typeof value === 'object' || output.strict) return takes('text', value);
  else output.text(String(value));
  return undefined;
};

function integerWriter(expected: string, bits: bigint): AvroWriter {
  const most = 2n ** bits;
  // Twice the number must be exact in a double.
  const mostSafe = Math.min(Number(most), 2 ** 52);
  return (value, output) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= -mostSafe && value < mostSafe) {
      output.long(value);
      return undefined;
    }
    const exact = exactInteger(value, output.strict);
    if (exact === undefined || exact < -most || exact >= most) return takes(expected, value);
    output.longest(exact);
    return undefined;
  };
}

function exactInteger(value: RowValue, strict: boolean): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && !strict && /^\s*[+-]?\d{1,40}\s*$/.test(value)
    ? BigInt(value.trim().replace(/^\+/, ''))
    : undefined;
}

/** What JSON has no number for. */
const SPECIAL: Record<string, number> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\s*$/;

function floatWriter(expected: string, write: (value: number, output: Output) => void): AvroWriter {
  return (value, output) => {
    const number = floatOf(value, output.strict);
    if (number === undefined) return takes(expected, value);
    write(number, output);
    return undefined;
  };
}

function floatOf(value: RowValue, strict: boolean): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return undefined;
  if (Object.hasOwn(SPECIAL, value)) return SPECIAL[value];
  return !strict && NUMBER.test(value) ? Number(value) : undefined;
}

function bytesOf(value: RowValue): Buffer | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) return undefined;
  const bytes = Buffer.from(value, 'base64');
  return value.replace(/=+$/, '').length === Math.ceil((bytes.length * 4) / 3) ? bytes : undefined;
}

function logicalWriter(type: AvroType, logical: Logical): AvroWriter {
  if (logical.type === 'decimal') return decimalWriter(type, logical);
  if (logical.type === 'json')
    return (value, output) => {
      output.text(typeof value === 'string' && isJson(value) ? value : stringifyExact(value));
      return undefined;
    };
  if (logical.type === 'datetime') return textWriter;
  if (logical.type === 'uuid') return type.kind === 'fixed' ? uuidWriter : textWriter;
  const name = NAMES[logical.type];
  const units = unitsOf(logical);
  const plain = type.kind === 'int' ? integerWriter(name, 31n) : integerWriter(name, 63n);
  return (value, output) => {
    // A number is in the units of the type, as Avro has it.
    const given = typeof value === 'string' ? units(value) : value;
    return given === undefined || plain(given, output) !== undefined ? takes(name, value) : undefined;
  };
}

/** Text that is JSON is taken for it, as in a table. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const NAMES: Record<Exclude<Logical['type'], 'decimal' | 'json' | 'uuid' | 'datetime'>, string> = {
  date: 'a date',
  'time-millis': 'a time of the day',
  'time-micros': 'a time of the day',
  'timestamp-millis': 'a timestamp',
  'timestamp-micros': 'a timestamp',
  'timestamp-nanos': 'a timestamp',
  'local-timestamp-millis': 'a date with time',
  'local-timestamp-micros': 'a date with time',
  'local-timestamp-nanos': 'a date with time',
};

function unitsOf(logical: Logical): (text: string) => number | bigint | undefined {
  if (logical.type === 'date') return daysOfDate;
  const perSecond = unitsPerSecond(logical);
  if (logical.type.startsWith('time-')) return text => unitsOfTime(text, perSecond);
  return text => unitsOfMoment(text, perSecond);
}

function decimalWriter(
  type: AvroType,
  { precision, scale }: Extract<Logical, { type: 'decimal' }>,
): AvroWriter {
  const size = type.kind === 'fixed' ? type.size : undefined;
  const expected = `a decimal of at most ${precision} digits, ${scale} after the point`;
  return (value, output) => {
    const isNumber = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
    const unscaled = isNumber ? unscaledOf(value, precision, scale) : undefined;
    const bytes = unscaled === undefined ? undefined : bytesOfInteger(unscaled, size);
    if (!bytes) return takes(expected, value);
    if (size === undefined) output.long(bytes.length);
    output.bytes(bytes);
    return undefined;
  };
}

const uuidWriter: AvroWriter = (value, output) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value))
    return takes('a UUID', value);
  output.bytes(Buffer.from(value.replaceAll('-', ''), 'hex'));
  return undefined;
};

const MAX_SHOWN = 100;

function takes(expected: string, value: RowValue): string {
  if (value === null) return ` takes ${expected}, not null`;
  const text = stringifyExact(value);
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  if (typeof value === 'object')
    return ` takes ${expected}, not ${Array.isArray(value) ? 'the list' : 'the object'} ${shown}`;
  return ` takes ${expected}, not the ${typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'boolean' : 'number'} ${shown}`;
}
