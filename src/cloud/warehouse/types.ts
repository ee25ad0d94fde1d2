/** Fields of BigQuery and types of DuckDB, and how values of a type are read and written as JSON. */
import type { DuckDBType } from '@duckdb/node-api';
import type { FieldType, TableField } from '../../formats/table-schema.ts';
import { identifier, literal } from './duckdb.ts';

const TYPES: Record<Exclude<FieldType, 'RECORD'>, string> = {
  STRING: 'VARCHAR',
  BYTES: 'BLOB',
  INTEGER: 'BIGINT',
  FLOAT: 'DOUBLE',
  NUMERIC: 'DECIMAL(38,9)',
  // DuckDB has 38 digits in all.
  BIGNUMERIC: 'DECIMAL(38,18)',
  BOOLEAN: 'BOOLEAN',
  TIMESTAMP: 'TIMESTAMPTZ',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'TIMESTAMP',
  JSON: 'JSON',
};

/** The type of a column that holds the field. */
export function columnType(field: TableField, types: Record<string, string> = TYPES): string {
  const one =
    field.type === 'RECORD'
      ? `STRUCT(${field.fields.map(each => `${identifier(each.name)} ${columnType(each, types)}`).join(', ')})`
      : (types[field.type] ?? 'VARCHAR');
  return field.mode === 'REPEATED' ? `${one}[]` : one;
}

/** The type that the JSON of a field is read as: bytes are text there. */
export const jsonType = (field: TableField): string => columnType(field, { ...TYPES, BYTES: 'VARCHAR' });

/** From a value of `jsonType` to one of `columnType`. A list that is not given is an empty one. */
export function importExpression(field: TableField, from: string, depth = 0): string {
  if (field.mode === 'REPEATED') {
    const name = `x${depth}`;
    const one: TableField = { ...field, mode: 'NULLABLE' };
    const list = holdsBytes(field)
      ? `list_transform(${from}, lambda ${name}: ${importExpression(one, name, depth + 1)})`
      : from;
    return `coalesce(${list}, [])`;
  }
  if (field.type === 'BYTES') return `from_base64(${from})`;
  if (field.type !== 'RECORD' || !field.fields.some(each => holdsBytes(each) || each.mode === 'REPEATED'))
    return from;
  const parts = field.fields.map(
    each =>
      `${identifier(each.name)} := ${importExpression(each, `struct_extract(${from}, ${literal(each.name)})`, depth)}`,
  );
  return `CASE WHEN ${from} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
}

function holdsBytes(field: TableField): boolean {
  return field.type === 'BYTES' || field.fields.some(holdsBytes);
}

/** What a column of this type is in BigQuery; undefined for what BigQuery has no type for. */
export function fieldOf(name: string, type: DuckDBType, required: boolean): TableField | undefined {
  if ('valueType' in type && type.typeId === TYPE_IDS.LIST) {
    const item = fieldOf(name, type.valueType, false);
    return item && item.mode !== 'REPEATED' ? { ...item, mode: 'REPEATED' } : undefined;
  }
  const mode = required ? 'REQUIRED' : 'NULLABLE';
  if ('entryNames' in type && type.typeId === TYPE_IDS.STRUCT) {
    const fields = type.entryNames.map((entry, i) => {
      const entryType = type.entryTypes[i];
      return entryType && fieldOf(entry, entryType, false);
    });
    return fields.includes(undefined)
      ? undefined
      : { name, type: 'RECORD', mode, fields: fields.filter(field => field !== undefined) };
  }
  if (type.alias === 'JSON') return { name, type: 'JSON', mode, fields: [] };
  const scalar = BY_ID[type.typeId] ?? ('scale' in type ? decimalType(type.scale) : undefined);
  return scalar && { name, type: scalar, mode, fields: [] };
}

const decimalType = (scale: number): FieldType => (scale > 9 ? 'BIGNUMERIC' : 'NUMERIC');

/** DuckDB's numbers of its types. */
const TYPE_IDS = {
  FLOAT: 10,
  DOUBLE: 11,
  TIMESTAMP: 12,
  BLOB: 18,
  DECIMAL: 19,
  LIST: 24,
  STRUCT: 25,
  TIMESTAMP_TZ: 31,
} as const;

const BY_ID: Record<number, FieldType> = {
  1: 'BOOLEAN',
  2: 'INTEGER',
  3: 'INTEGER',
  4: 'INTEGER',
  5: 'INTEGER',
  6: 'INTEGER',
  7: 'INTEGER',
  8: 'INTEGER',
  10: 'FLOAT',
  11: 'FLOAT',
  12: 'DATETIME',
  13: 'DATE',
  14: 'TIME',
  17: 'STRING',
  18: 'BYTES',
  31: 'TIMESTAMP',
};

/** A double holds as many digits. */
const EXACT_DIGITS = 15;

/**
 * An expression whose JSON is what rows have: timestamps in RFC 3339, bytes in base64, decimals of more digits than
 * a double holds as text, and what JSON has no number for (NaN) as text.
 */
export function exportExpression(type: DuckDBType, from: string, depth = 0): string {
  const { typeId } = type;
  if (typeId === TYPE_IDS.TIMESTAMP_TZ) return `${isoExpression(`${from} AT TIME ZONE 'UTC'`)} || 'Z'`;
  if (typeId === TYPE_IDS.TIMESTAMP) return isoExpression(from);
  if (typeId === TYPE_IDS.BLOB) return `base64(${from})`;
  if (typeId === TYPE_IDS.FLOAT || typeId === TYPE_IDS.DOUBLE)
    return `CASE WHEN isfinite(${from}) THEN to_json(${from}) WHEN isnan(${from}) THEN to_json('NaN') WHEN ${from} > 0 THEN to_json('Infinity') WHEN ${from} < 0 THEN to_json('-Infinity') END`;
  if (typeId === TYPE_IDS.DECIMAL && 'width' in type && type.width > EXACT_DIGITS)
    return `CAST(${from} AS VARCHAR)`;
  if (!isChanged(type)) return from;
  const name = `x${depth}`;
  if ('valueType' in type)
    return `list_transform(${from}, lambda ${name}: ${exportExpression(type.valueType, name, depth + 1)})`;
  if (!('entryNames' in type)) return from;
  const parts = type.entryNames.map((entry, i) => {
    const value = `struct_extract(${from}, ${literal(entry)})`;
    const entryType = type.entryTypes[i];
    return `${identifier(entry)} := ${entryType ? exportExpression(entryType, value, depth) : value}`;
  });
  return `CASE WHEN ${from} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
}

const CHANGED: readonly number[] = [
  TYPE_IDS.TIMESTAMP_TZ,
  TYPE_IDS.TIMESTAMP,
  TYPE_IDS.BLOB,
  TYPE_IDS.FLOAT,
  TYPE_IDS.DOUBLE,
  TYPE_IDS.DECIMAL,
];

function isChanged(type: DuckDBType): boolean {
  if (type.typeId === TYPE_IDS.LIST && 'valueType' in type) return isChanged(type.valueType);
  if (type.typeId === TYPE_IDS.STRUCT && 'entryTypes' in type) return type.entryTypes.some(isChanged);
  return CHANGED.includes(type.typeId);
}

const isoExpression = (from: string): string =>
  `regexp_replace(strftime(${from}, '%Y-%m-%dT%H:%M:%S.%f'), '\\.000000$', '')`;
