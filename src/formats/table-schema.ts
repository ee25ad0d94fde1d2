/** Schemas of tables in BigQuery's JSON form: read from what users have, checked, and normal. */
import { SluiceError } from '../errors.ts';

export const fieldTypes = [
  'STRING',
  'BYTES',
  'INTEGER',
  'FLOAT',
  'NUMERIC',
  'BIGNUMERIC',
  'BOOLEAN',
  'TIMESTAMP',
  'DATE',
  'TIME',
  'DATETIME',
  'JSON',
  'RECORD',
] as const;

export type FieldType = (typeof fieldTypes)[number];

export interface TableField {
  name: string;
  type: FieldType;
  mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED';
  /** The fields of a RECORD; empty for everything else. */
  fields: TableField[];
}

/** BigQuery's own limits. */
const MAX_DEPTH = 15;
const MAX_FIELDS = 10_000;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/;

const ALIASES: Record<string, FieldType> = {
  INT64: 'INTEGER',
  FLOAT64: 'FLOAT',
  BOOL: 'BOOLEAN',
  DECIMAL: 'NUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
  STRUCT: 'RECORD',
};

/**
 * The fields of a schema: a list of fields, `{"fields": […]}` or `{"BigQuery Schema": […]}`.
 * @param where what the schema is called in messages
 * @throws SluiceError PARAMETERS_INVALID that names the field and what is wrong with it
 */
export function readTableSchema(schema: unknown, where: string): TableField[] {
  const list = Array.isArray(schema) ? schema : (ownOf(schema, 'fields') ?? ownOf(schema, 'BigQuery Schema'));
  if (!Array.isArray(list) || list.length === 0)
    throw refuse(where, 'a schema is a list of fields, or {"fields": […]}, or {"BigQuery Schema": […]}');
  let count = 0;
  const read = (fields: unknown[], path: string, depth: number): TableField[] => {
    count += fields.length;
    if (depth > MAX_DEPTH) throw refuse(where, `${path} is nested deeper than ${MAX_DEPTH} levels`);
    if (count > MAX_FIELDS) throw refuse(where, `there are more than ${MAX_FIELDS} fields`);
    const names = new Set<string>();
    return fields.map((each, i) => {
      const field = readField(each, path === '' ? `field ${i + 1}` : `${path}: field ${i + 1}`, where);
      const full = path === '' ? field.name : `${path}.${field.name}`;
      if (names.has(field.name.toLowerCase())) throw refuse(where, `the field ${full} is there twice`);
      names.add(field.name.toLowerCase());
      if (field.type !== 'RECORD') return field;
      const own = ownOf(each, 'fields');
      if (!Array.isArray(own) || own.length === 0) throw refuse(where, `the RECORD ${full} has no fields`);
      return { ...field, fields: read(own, full, depth + 1) };
    });
  };
  return read(list, '', 1);
}

/** The schema of a text of JSON. @throws SluiceError PARAMETERS_INVALID */
export function parseTableSchema(text: string, where: string): TableField[] {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw refuse(where, `it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  return readTableSchema(schema, where);
}

/** A field as it is written: `name STRING`, `tags STRING REPEATED`. */
export function wordField({ name, type, mode }: TableField): string {
  return mode === 'NULLABLE' ? `${name} ${type}` : `${name} ${type} ${mode}`;
}

/** True for a name that a column of BigQuery may have. */
export const isFieldName = (name: string): boolean => NAME.test(name);

function readField(given: unknown, place: string, where: string): TableField {
  const name = ownOf(given, 'name');
  if (typeof name !== 'string' || !isFieldName(name))
    throw refuse(
      where,
      `${place} has no name of letters, digits and underscores, but ${JSON.stringify(name) ?? 'none'}`,
    );
  const type = readType(ownOf(given, 'type'));
  if (!type)
    throw refuse(
      where,
      `the type of ${name} is ${JSON.stringify(ownOf(given, 'type')) ?? 'missing'}; there are ${fieldTypes.join(', ')}`,
    );
  const mode = String(ownOf(given, 'mode') ?? 'NULLABLE').toUpperCase();
  if (mode !== 'NULLABLE' && mode !== 'REQUIRED' && mode !== 'REPEATED')
    throw refuse(where, `the mode of ${name} is NULLABLE, REQUIRED or REPEATED, not ${mode.slice(0, 100)}`);
  return { name, type, mode, fields: [] };
}

function readType(given: unknown): FieldType | undefined {
  // A precision, as in NUMERIC(10, 2), limits the values; the column takes them all.
  const type = String(given)
    .toUpperCase()
    .replace(/\s*\(.*\)$/, '');
  if (Object.hasOwn(ALIASES, type)) return ALIASES[type];
  return fieldTypes.find(each => each === type);
}

function ownOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

const refuse = (where: string, why: string): SluiceError =>
  new SluiceError('PARAMETERS_INVALID', `${where}: ${why}`);
