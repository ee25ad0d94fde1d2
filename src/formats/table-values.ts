/**
 * Rows to what a table stores, as BigQuery converts JSON on insert: numbers and booleans are taken as text too, text
 * for numbers, RFC 3339 for timestamps. A value comes out as JSON text, so that no digit is lost on the way.
 */
import { stringifyExact } from './exact-json.ts';
import type { Row, RowValue } from './rows.ts';
import type { FieldType, TableField } from './table-schema.ts';
import { readDate, readDateTime, readTime, readTimestamp } from './table-times.ts';

/** Why a row does not fit a table. */
export interface Misfit {
  code: 'BIGQUERY_TYPE_MISMATCH' | 'BIGQUERY_NO_SUCH_FIELD' | 'BIGQUERY_MISSING_FIELD';
  message: string;
}

/** The JSON text that a table stores of a row, on one line, or why the row does not fit. */
export type RowEncoder = (row: Row) => string | Misfit;

/** @param lenient fields that the table lacks may be there when they hold nothing: null, `[]` or `{}` */
export function rowEncoder(fields: readonly TableField[], lenient = false): RowEncoder {
  const encode = recordEncoder(fields, '', lenient);
  return row => encode(row);
}

type Encoder = (value: RowValue) => string | Misfit;

interface Column {
  /** `"name":` */
  key: string;
  name: string;
  index: number;
  required: boolean;
  encode: Encoder;
}

function recordEncoder(
  fields: readonly TableField[],
  path: string,
  lenient: boolean,
): (row: Row) => string | Misfit {
  const columns = fields.map((field, index): Column => {
    const name = path + field.name;
    return {
      key: `${JSON.stringify(field.name)}:`,
      name,
      index,
      required: field.mode === 'REQUIRED',
      encode: fieldEncoder(field, name, lenient),
    };
  });
  const byName = new Map(fields.map(({ name }, i) => [name, columns[i]]));
  const byLower = new Map(fields.map(({ name }, i) => [name.toLowerCase(), columns[i]]));
  const required = columns.filter(column => column.required);
  return row => {
    let text = '';
    let seen = 0;
    for (const name of Object.keys(row)) {
      const column = byName.get(name) ?? byLower.get(name.toLowerCase());
      const value = row[name] ?? null;
      if (!column) {
        if (lenient && holdsNothing(value)) continue;
        return { code: 'BIGQUERY_NO_SUCH_FIELD', message: `no such field: ${shorten(path + name)}` };
      }
      if (value === null) continue;
      const encoded = column.encode(value);
      if (typeof encoded !== 'string') return encoded;
      if (column.required) seen++;
      text += text === '' ? column.key + encoded : `,${column.key}${encoded}`;
    }
    if (seen < required.length) {
      const missing = required.find(({ name }) => (fieldIn(row, name.slice(path.length)) ?? null) === null);
      if (missing)
        return { code: 'BIGQUERY_MISSING_FIELD', message: `missing required field: ${missing.name}` };
    }
    return `{${text}}`;
  };
}

const holdsNothing = (value: RowValue): boolean =>
  value === null || (typeof value === 'object' && Object.keys(value).length === 0);

/** The value of a field, whatever the case of its name. */
function fieldIn(row: Row, name: string): RowValue | undefined {
  const key = Object.keys(row).find(each => each.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : row[key];
}

export function fieldEncoder(field: TableField, name: string, lenient: boolean): Encoder {
  const one = field.type === 'RECORD' ? recordField(field, name, lenient) : scalarEncoder(field.type, name);
  if (field.mode !== 'REPEATED') return one;
  return value => {
    if (!Array.isArray(value)) return mismatch(name, `a list of ${field.type}`, value);
    let text = '';
    for (const item of value) {
      const encoded = item === null ? mismatch(name, field.type, null) : one(item);
      if (typeof encoded !== 'string') return encoded;
      text += text === '' ? encoded : `,${encoded}`;
    }
    return `[${text}]`;
  };
}

function recordField(field: TableField, name: string, lenient: boolean): Encoder {
  const encode = recordEncoder(field.fields, `${name}.`, lenient);
  return value => (isRecord(value) ? encode(value) : mismatch(name, 'RECORD', value));
}

/** The text a scalar is stored as, or undefined when it is not of the type. */
const readers: Record<Exclude<FieldType, 'RECORD'>, (value: RowValue) => string | undefined> = {
  STRING: value => {
    if (typeof value === 'string') return JSON.stringify(value);
    return typeof value === 'object' ? undefined : `"${value}"`;
  },
  BYTES: value => (typeof value === 'string' && isBase64(value) ? `"${fromUrlSafe(value)}"` : undefined),
  INTEGER: readInteger,
  FLOAT: readFloat,
  NUMERIC: value => readDecimal(value, 29),
  BIGNUMERIC: value => readDecimal(value, 20),
  BOOLEAN: value => {
    if (typeof value === 'boolean') return String(value);
    const text = typeof value === 'string' ? value.toLowerCase() : '';
    return text === 'true' || text === 'false' ? text : undefined;
  },
  TIMESTAMP: value => quoted(readTimestamp(value)),
  DATE: value => quoted(typeof value === 'string' ? readDate(value) : undefined),
  TIME: value => quoted(typeof value === 'string' ? readTime(value) : undefined),
  DATETIME: value => quoted(typeof value === 'string' ? readDateTime(value) : undefined),
  JSON: value => (typeof value === 'string' ? jsonOfText(value) : stringifyExact(value)),
};

function scalarEncoder(type: Exclude<FieldType, 'RECORD'>, name: string): Encoder {
  const read = readers[type];
  return value => read(value) ?? mismatch(name, type, value);
}

const MAX_INTEGER = 2n ** 63n - 1n;

/** True for a double that is an integer of 64 bits. */
export const isLong = (value: number): boolean =>
  Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;

function readInteger(value: RowValue): string | undefined {
  if (typeof value === 'number') return isLong(value) ? String(BigInt(value)) : undefined;
  const text = typeof value === 'string' ? value.trim() : String(value);
  if (typeof value !== 'string' && typeof value !== 'bigint') return undefined;
  const digits = /^[+-]?\d{1,40}(?:\.0*)?$/.test(text) ? text.replace(/\..*$/, '').replace(/^\+/, '') : '';
  if (digits === '') return undefined;
  const exact = BigInt(digits);
  return exact <= MAX_INTEGER && exact >= -MAX_INTEGER - 1n ? String(exact) : undefined;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;

function readFloat(value: RowValue): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (DECIMAL.test(text)) return String(Number(text)).replace(/^(-?)Infinity$/, '"$1Infinity"');
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (!special) return undefined;
  return special[2]?.toLowerCase() === 'nan' ? '"NaN"' : `"${special[1] === '-' ? '-' : ''}Infinity"`;
}

/** A decimal of at most so many digits before the point; those beyond the scale of the type are rounded. */
function readDecimal(value: RowValue, integerDigits: number): string | undefined {
  if (typeof value === 'boolean' || typeof value === 'object') return undefined;
  const text = String(value).trim();
  if (!DECIMAL.test(text) || text.length > 200) return undefined;
  const [, mantissa = '', exponent = '0'] = /^[+-]?([^eE]*)(?:[eE](.*))?$/.exec(text) ?? [];
  const whole = (mantissa.split('.')[0] ?? '').replace(/^0+/, '');
  return whole.length + Number(exponent) > integerDigits ? undefined : `"${text}"`;
}

const isBase64 = (text: string): boolean =>
  /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) &&
  (text.endsWith('=') ? text.length % 4 === 0 : text.length % 4 !== 1);

const fromUrlSafe = (text: string): string => {
  const plain = text.replaceAll('-', '+').replaceAll('_', '/');
  return plain.padEnd(Math.ceil(plain.length / 4) * 4, '=');
};

/** Text that is JSON is taken for it, as BigQuery does; other text is a JSON string. */
function jsonOfText(text: string): string {
  try {
    JSON.parse(text);
    // Its digits are kept, but a row stands on one line.
    return text.replace(/[\r\n]/g, ' ');
  } catch {
    return JSON.stringify(text);
  }
}

const quoted = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : `"${text}"`;

const isRecord = (value: RowValue): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const MAX_SHOWN = 100;

function mismatch(name: string, expected: string, value: RowValue): Misfit {
  return { code: 'BIGQUERY_TYPE_MISMATCH', message: `${name} takes ${expected}, not ${word(value)}` };
}

function word(value: RowValue): string {
  if (value === null) return 'null';
  const shown = shorten(stringifyExact(value));
  if (Array.isArray(value)) return `the list ${shown}`;
  return typeof value === 'object'
    ? `the object ${shown}`
    : `the ${typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'boolean' : 'number'} ${shown}`;
}

const shorten = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
