/** What the text of a column of CSV means: numbers and booleans where all of it is that, as pandas has it. */
import type { RowValue } from './rows.ts';

export type ColumnType = 'integer' | 'float' | 'boolean' | 'text';

/** What pandas takes for nothing. */
const NOTHING = new Set([
  '',
  '#N/A',
  '#N/A N/A',
  '#NA',
  '-1.#IND',
  '-1.#QNAN',
  '-NaN',
  '-nan',
  '1.#IND',
  '1.#QNAN',
  '<NA>',
  'N/A',
  'NA',
  'NULL',
  'NaN',
  'None',
  'n/a',
  'nan',
  'null',
]);
const INTEGER = /^\s*[+-]?\d{1,40}\s*$/;
const FLOAT = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\s*$/;
const TRUE = new Set(['True', 'TRUE', 'true']);
const FALSE = new Set(['False', 'FALSE', 'false']);

/** The narrowest type that takes all these values; a column without any is of text. */
export function columnTypeOf(values: readonly string[]): ColumnType {
  const present = values.filter(value => !NOTHING.has(value));
  if (present.length === 0) return 'text';
  if (present.every(value => INTEGER.test(value))) return 'integer';
  if (present.every(value => FLOAT.test(value))) return 'float';
  return present.every(value => TRUE.has(value) || FALSE.has(value)) ? 'boolean' : 'text';
}

/** A value of a column; what is not of its type stays text. */
export function readCell(text: string | undefined, type: ColumnType): RowValue {
  if (text === undefined || NOTHING.has(text)) return null;
  if (type === 'integer' && INTEGER.test(text)) {
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : BigInt(text.trim().replace(/^\+/, ''));
  }
  if (type !== 'text' && type !== 'boolean' && FLOAT.test(text)) return Number(text);
  if (type === 'boolean' && TRUE.has(text)) return true;
  return type === 'boolean' && FALSE.has(text) ? false : text;
}
