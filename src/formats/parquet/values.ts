/** Values of Parquet as rows have them: raw numbers and bytes in, and by the schema of their column out. */
import type { SchemaElement, SchemaTree } from 'hyparquet';
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

/** Makes the value of a row of what the library gives. */
export type Convert = (value: unknown) => RowValue;

/**
 * The schema with its leaves bare, so that the library gives what lies in the file: its own dates and decimals are
 * doubles, and not exact. What makes lists and maps of groups stays.
 */
export function bareSchema(elements: readonly SchemaElement[]): SchemaElement[] {
  return elements.map(element => {
    if (element.num_children || !element.type) return element;
    const { converted_type: converted, logical_type: logical, ...bare } = element;
    if (isText(element) || isJson(element)) return { ...bare, converted_type: 'UTF8' };
    if (converted === 'UINT_32' || converted === 'UINT_64') return { ...bare, converted_type: converted };
    if (logical?.type === 'INTEGER' && !logical.isSigned) return { ...bare, logical_type: logical };
    if (logical?.type === 'FLOAT16') return { ...bare, logical_type: logical };
    return bare;
  });
}

/** @param tree of the schema as it stands in the file */
export function convertOf(tree: SchemaTree): Convert {
  const one = tree.children.length > 0 ? groupConvert(tree) : leafConvert(tree.element);
  const isBareList = tree.element.repetition_type === 'REPEATED';
  return value => {
    if (value === null || value === undefined) return isBareList ? [] : null;
    return isBareList && Array.isArray(value) ? value.map(each => nullOr(one, each)) : one(value);
  };
}

const nullOr = (convert: Convert, value: unknown): RowValue =>
  value === null || value === undefined ? null : convert(value);

function groupConvert(tree: SchemaTree): Convert {
  const { element, children } = tree;
  const [only] = children;
  if (only && element.converted_type === 'LIST' && children.length === 1) return listConvert(only);
  if (only && element.converted_type === 'MAP' && only.children.length === 2) {
    const value = only.children.find(child => child.element.name === 'value');
    const convert = value ? convertOf(value) : plain;
    return map => (isObject(map) ? mapped(map, () => convert) : plain(map));
  }
  const fields = new Map(children.map(child => [child.element.name, convertOf(child)]));
  return struct => (isObject(struct) ? mapped(struct, name => fields.get(name) ?? plain) : plain(struct));
}

function listConvert(repeated: SchemaTree): Convert {
  const [inner] = repeated.children;
  // Of two levels the repeated group is the element itself.
  const convert =
    inner && repeated.children.length === 1
      ? convertOf(inner)
      : repeated.children.length > 0
        ? groupConvert(repeated)
        : leafConvert(repeated.element);
  return list => (Array.isArray(list) ? list.map(each => nullOr(convert, each)) : plain(list));
}

function mapped(object: object, convertOf: (name: string) => Convert): RowValue {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, nullOr(convertOf(name), value)]),
  );
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

function leafConvert(element: SchemaElement): Convert {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (isJson(element)) return value => (typeof value === 'string' ? jsonValue(value) : plain(value));
  if (isText(element)) return plain;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const own = logical?.type === 'DECIMAL' ? logical : { precision: 38, scale: 0 };
    const { precision = own.precision, scale = own.scale } = element;
    return value => decimalValue(integerOf(value), precision, scale);
  }
  if (converted === 'DATE' || logical?.type === 'DATE') return value => dateOfDays(Number(value));
  if (logical?.type === 'UUID')
    return value => (value instanceof Uint8Array ? uuidText(value) : plain(value));
  const time = timeOf(element);
  if (time?.ofDay) return value => timeText(Number(value), time.perSecond);
  if (time) return value => momentText(integerOf(value), time.perSecond, time.utc);
  if (type === 'INT96') return value => momentText(integerOf(value), 1_000_000_000, true);
  return plain;
}

interface Time {
  perSecond: UnitsPerSecond;
  ofDay: boolean;
  utc: boolean;
}

const UNITS = { MILLIS: 1000, MICROS: 1_000_000, NANOS: 1_000_000_000 } as const;

function timeOf({ converted_type: converted, logical_type: logical }: SchemaElement): Time | undefined {
  if (logical?.type === 'TIMESTAMP' || logical?.type === 'TIME')
    return { perSecond: UNITS[logical.unit], ofDay: logical.type === 'TIME', utc: logical.isAdjustedToUTC };
  const old = /^(TIME|TIMESTAMP)_(MILLIS|MICROS)$/.exec(converted ?? '');
  if (!old) return undefined;
  return { perSecond: old[2] === 'MILLIS' ? 1000 : 1_000_000, ofDay: old[1] === 'TIME', utc: true };
}

const isText = ({ converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  converted === 'UTF8' || converted === 'ENUM' || logical?.type === 'STRING' || logical?.type === 'ENUM';

const isJson = ({ converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  converted === 'JSON' || logical?.type === 'JSON';

function integerOf(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  return value instanceof Uint8Array ? integerOfBytes(value) : BigInt(Number(value));
}

function jsonValue(text: string): RowValue {
  try {
    return parseRow(text);
  } catch {
    return text;
  }
}

/** What needs no schema: numbers exact, bytes as base64, and text for what JSON has no number for. */
function plain(value: unknown): RowValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  return mapped(value, () => plain);
}
