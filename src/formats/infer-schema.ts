/** Schemas from rows: what fields there are and the narrowest type that takes all their values. */
import type { Row, RowValue } from './rows.ts';
import { type FieldType, isFieldName, type TableField } from './table-schema.ts';
import { readDate, readTimestamp } from './table-times.ts';
import { isLong } from './table-values.ts';

const MAX_DEPTH = 15;

/** What counts as a name and as a time. */
export interface Inference {
  /** Names need not be BigQuery's, and differ by case. */
  anyName: boolean;
  /** Text that is a date or a timestamp is one. */
  times: boolean;
}

const FOR_TABLES: Inference = { anyName: false, times: true };

/** The field that takes the value; undefined where nothing can be told from it: null, an empty list or object. */
export function inferField(
  name: string,
  value: RowValue,
  how: Inference = FOR_TABLES,
  depth = 1,
): TableField | undefined {
  if (value === null || !(how.anyName || isFieldName(name))) return undefined;
  if (!Array.isArray(value)) return inferOne(name, value, how, depth);
  const items = value.map(item =>
    Array.isArray(item) ? jsonField(name) : inferField(name, item, how, depth),
  );
  const found = items.filter(item => item !== undefined);
  if (found.length === 0) return value.length === 0 ? undefined : jsonField(name);
  const [first, ...others] = found;
  // Lists of lists, and lists with nulls among the values, are no lists of BigQuery's.
  if (!first || value.some(item => item === null || Array.isArray(item))) return jsonField(name);
  const merged = others.reduce((sum, each) => widest(sum, each), first);
  return merged.type === 'JSON' ? jsonField(name) : { ...merged, mode: 'REPEATED' };
}

/** The fields of rows, in the order they come. */
export function inferFields(
  rows: readonly Row[],
  known: readonly TableField[] = [],
  how: Inference = FOR_TABLES,
  depth = 1,
): TableField[] {
  const keyOf = (name: string) => (how.anyName ? name : name.toLowerCase());
  const fields = new Map(known.map(field => [keyOf(field.name), field]));
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const before = fields.get(keyOf(name));
      const found = inferField(name, value, how, depth);
      if (found) fields.set(keyOf(name), before ? widest(before, found) : found);
    }
  }
  return [...fields.values()];
}

/**
 * The field that takes what both take, by a type that loses nothing: undefined when there is none but text and JSON.
 * BigQuery's own widenings, and DATE to DATETIME and TIMESTAMP.
 */
export function widened(from: TableField, to: TableField): TableField | undefined {
  if ((from.mode === 'REPEATED') !== (to.mode === 'REPEATED')) return undefined;
  const { name, mode } = from;
  if (from.type === 'RECORD' && to.type === 'RECORD') {
    const fields = from.fields.map(field => {
      const other = to.fields.find(each => sameName(each, field));
      return other ? widened(field, other) : field;
    });
    if (fields.includes(undefined)) return undefined;
    const added = to.fields.filter(each => !from.fields.some(field => sameName(each, field)));
    const all = [...fields, ...added.map(nullable)].filter(field => field !== undefined);
    return { name, type: 'RECORD', mode, fields: all };
  }
  const type = widerType(from.type, to.type);
  return type && { name, type, mode, fields: [] };
}

/** As `widened`, and where nothing else is left, text for scalars and JSON for the rest. */
export function widest(from: TableField, to: TableField): TableField {
  const exact = widened(from, to);
  if (exact) return exact;
  const isText = [from, to].every(
    each => !['RECORD', 'JSON', 'BYTES'].includes(each.type) && each.mode !== 'REPEATED',
  );
  return { ...from, type: isText ? 'STRING' : 'JSON', mode: 'NULLABLE', fields: [] };
}

/** A new column is empty in the rows that are there. */
export const nullable = (field: TableField): TableField =>
  field.mode === 'REQUIRED' ? { ...field, mode: 'NULLABLE' } : field;

const WIDER: Partial<Record<FieldType, readonly FieldType[]>> = {
  INTEGER: ['NUMERIC', 'BIGNUMERIC', 'FLOAT'],
  NUMERIC: ['BIGNUMERIC', 'FLOAT'],
  BIGNUMERIC: ['FLOAT'],
  DATE: ['DATETIME', 'TIMESTAMP'],
  DATETIME: ['TIMESTAMP'],
};

function widerType(a: FieldType, b: FieldType): FieldType | undefined {
  if (a === b) return a;
  if (WIDER[a]?.includes(b)) return b;
  return WIDER[b]?.includes(a) ? a : undefined;
}

const sameName = (a: TableField, b: TableField): boolean => a.name.toLowerCase() === b.name.toLowerCase();

const jsonField = (name: string): TableField => ({ name, type: 'JSON', mode: 'NULLABLE', fields: [] });

function inferOne(
  name: string,
  value: Exclude<RowValue, null | RowValue[]>,
  how: Inference,
  depth: number,
): TableField | undefined {
  if (typeof value !== 'object') return { name, type: scalarType(value, how), mode: 'NULLABLE', fields: [] };
  const isPlain = depth < MAX_DEPTH && (how.anyName || Object.keys(value).every(isFieldName));
  const fields = isPlain ? inferFields([value], [], how, depth + 1) : [];
  if (fields.length === 0) return Object.keys(value).length === 0 ? undefined : jsonField(name);
  return { name, type: 'RECORD', mode: 'NULLABLE', fields };
}

const LONG_DATE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function scalarType(value: string | number | boolean | bigint, { times }: Inference): FieldType {
  if (typeof value === 'bigint') return value >= -(2n ** 63n) && value < 2n ** 63n ? 'INTEGER' : 'NUMERIC';
  if (typeof value === 'number') return isLong(value) ? 'INTEGER' : 'FLOAT';
  if (typeof value === 'boolean') return 'BOOLEAN';
  if (!times) return 'STRING';
  if (/^\d{4}-\d\d-\d\d$/.test(value) && readDate(value)) return 'DATE';
  return LONG_DATE.test(value) && readTimestamp(value) ? 'TIMESTAMP' : 'STRING';
}
