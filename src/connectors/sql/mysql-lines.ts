/** Rows of MySQL as lines of JSON: integers exact, long decimals as text, times as BigQuery reads them, bytes in base64. */

/** What the server tells of a column of a result. */
export interface ColumnInfo {
  name: string;
  columnType: number;
  columnLength: number;
  flags: number;
  decimals: number;
}

const TYPES = {
  DECIMAL: 0,
  TINY: 1,
  TIMESTAMP: 7,
  LONGLONG: 8,
  DATE: 10,
  DATETIME: 12,
  BIT: 16,
  JSON: 245,
  NEWDECIMAL: 246,
} as const;
const INTEGERS: readonly number[] = [1, 2, 3, 8, 9, 13];
const TIMES: readonly number[] = [TYPES.TIMESTAMP, TYPES.DATE, TYPES.DATETIME];

/** What partitions need to know of a type. */
export function typeName(columnType: number): string {
  if (INTEGERS.includes(columnType)) return 'bigint';
  if (columnType === TYPES.DECIMAL || columnType === TYPES.NEWDECIMAL) return 'numeric';
  return TIMES.includes(columnType) ? 'timestamp' : 'other';
}

const UNSIGNED = 32;
/** A double holds as many digits. */
const EXACT_DIGITS = 15;

/** Makes the line of a row, given as a list. */
export function mysqlLine(
  columns: readonly ColumnInfo[],
  booleans: boolean,
): (row: readonly unknown[]) => string {
  const encoders = columns.map(column => encoderOf(column, booleans));
  const keys = columns.map(({ name }) => `${JSON.stringify(name)}:`);
  return row => {
    let text = '';
    for (let i = 0; i < keys.length; i++) {
      const value = row[i];
      const encoded = value === null || value === undefined ? 'null' : (encoders[i]?.(value) ?? 'null');
      text += text === '' ? keys[i] + encoded : `,${keys[i]}${encoded}`;
    }
    return `{${text}}`;
  };
}

type Encoder = (value: unknown) => string;

function encoderOf({ columnType, columnLength, flags, decimals }: ColumnInfo, booleans: boolean): Encoder {
  switch (columnType) {
    case TYPES.TINY:
      return booleans && columnLength === 1 ? value => String(Number(value) !== 0) : plain;
    case TYPES.LONGLONG:
      return value => String(value).replace(/^0+(?=\d)/, '');
    case TYPES.DECIMAL:
    case TYPES.NEWDECIMAL: {
      const digits = columnLength - (decimals > 0 ? 1 : 0) - (flags & UNSIGNED ? 0 : 1);
      return digits <= EXACT_DIGITS ? value => String(Number(value)) : plain;
    }
    case TYPES.TIMESTAMP:
      return value => timeText(value, '+00:00');
    case TYPES.DATETIME:
      return value => timeText(value, '');
    case TYPES.DATE:
      return value => (isZero(value) ? 'null' : plain(value));
    case TYPES.BIT:
      return value => bits(value, columnLength);
    case TYPES.JSON:
      // A row stands on one line; line ends outside texts mean nothing.
      return value => String(value).replace(/[\r\n]/g, ' ');
    default:
      return plain;
  }
}

const plain: Encoder = value =>
  Buffer.isBuffer(value) ? `"${value.toString('base64')}"` : JSON.stringify(value);

/** What MySQL has for a date that there is not. */
const isZero = (value: unknown): boolean => String(value).startsWith('0000-00-00');

/** `2026-11-20 10:00:00.250000`. */
function timeText(value: unknown, zone: string): string {
  if (isZero(value)) return 'null';
  const [seconds = '', fraction = ''] = String(value).split('.');
  return `"${seconds}.${fraction.padEnd(6, '0')}${zone}"`;
}

function bits(value: unknown, length: number): string {
  if (!Buffer.isBuffer(value)) return plain(value);
  const number = BigInt(`0x${value.toString('hex') || '0'}`);
  return length === 1 ? String(number !== 0n) : String(number);
}
