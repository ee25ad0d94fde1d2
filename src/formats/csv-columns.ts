/** The columns of CSV, and what their values become. */
import { SluiceError } from '../errors.ts';
import { readCell } from './csv-types.ts';
import type { RowValue } from './rows.ts';

export interface CsvColumn {
  name: string;
  /** `other`: text that somebody else will convert, of which an empty one is null. */
  type: 'text' | 'other' | 'integer' | 'float' | 'boolean';
  /** What the schema calls the type. */
  word?: string;
}

const TYPES: Readonly<Record<string, CsvColumn['type']>> = {
  LONG: 'integer',
  INTEGER: 'integer',
  SHORT: 'integer',
  BYTE: 'integer',
  DOUBLE: 'float',
  FLOAT: 'float',
  BOOLEAN: 'boolean',
  TEXT: 'text',
  KEYWORD: 'text',
  STRING: 'text',
  DATE: 'text',
  TIMESTAMP: 'text',
};

/** The columns of a list of `{name, type}`. @throws SluiceError PARAMETERS_INVALID */
export function readTypedColumns(text: string, where: string): CsvColumn[] {
  const refuse = (why: string): SluiceError => new SluiceError('PARAMETERS_INVALID', `${where}: ${why}`);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw refuse(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!Array.isArray(list) || list.length === 0) throw refuse('it must be a list of {name, type}');
  const names = new Set<string>();
  return list.map((each: unknown, i) => {
    const { name, type = 'TEXT' } = (typeof each === 'object' && each !== null ? each : {}) as Record<
      string,
      unknown
    >;
    if (typeof name !== 'string' || name === '') throw refuse(`column ${i + 1} has no name`);
    if (names.has(name)) throw refuse(`the column ${name} is there twice`);
    names.add(name);
    const word = String(type).toUpperCase();
    const known = Object.hasOwn(TYPES, word) ? TYPES[word] : undefined;
    if (!known)
      throw refuse(
        `the type of ${name} is ${JSON.stringify(type)}; there are ${Object.keys(TYPES).join(', ')}`,
      );
    return { name, type: known, word };
  });
}

/** The value of a cell; undefined when it is none of the type of its column. */
export function cellOf({ type }: CsvColumn, text: string, isQuoted: boolean): RowValue | undefined {
  if (type === 'text') return text;
  if (text === '' && !isQuoted) return null;
  if (type === 'other') return text;
  const value = readCell(text.trim(), type);
  if (typeof value === 'string' || value === null) return undefined;
  return type === 'integer' && typeof value === 'number' && !Number.isInteger(value) ? undefined : value;
}
