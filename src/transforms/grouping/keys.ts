/** Keys of groups: the values of some fields as one text, from which they can be had back, exact to the digit. */
import { parseRow, type Row, type RowValue, stringifyRow } from '../../formats/rows.ts';

/** The values of these fields; what a row does not have is null. */
export function keyOf(row: Row, fields: readonly string[]): string {
  let key = '';
  for (let i = 0; i < fields.length; i++) {
    const name = fields[i] ?? '';
    const value = Object.hasOwn(row, name) ? (row[name] ?? null) : null;
    key += i === 0 ? textOf(value) : `,${textOf(value)}`;
  }
  return key;
}

export const keyOfValues = (values: readonly RowValue[]): string => values.map(textOf).join(',');

/** What `keyOf` made the key of. */
export function keyValues(key: string): RowValue[] {
  const { list } = parseRow(`{"list":[${key}]}`);
  return Array.isArray(list) ? list : [];
}

function textOf(value: RowValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'bigint' ? String(value) : stringifyRow({ v: value }).slice(5, -1);
}
