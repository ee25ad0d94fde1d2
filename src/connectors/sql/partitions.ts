/** A table in parts, by the values of a column: each row is in one of them, whatever is written meanwhile. */
import { SluiceError } from '../../errors.ts';
import type { Dialect } from './address.ts';
import type { SqlConnection } from './connection.ts';
import { quoterOf } from './names.ts';

export interface Partitioning {
  column: string;
  partitions: number;
  lower?: string;
  upper?: string;
}

type Form = 'number' | 'time';

/**
 * The conditions of the parts. The first takes what is null too, and first and last what comes beyond the ends, unless
 * the user gives bounds: then only what lies between them is read.
 * @param from what stands after FROM
 * @throws SluiceError PARAMETERS_INVALID where the column has no numbers or times
 */
export async function partitionConditions(
  connection: SqlConnection,
  dialect: Dialect,
  from: string,
  { column, partitions, lower, upper }: Partitioning,
): Promise<string[]> {
  const name = quoterOf(dialect)(column);
  const [described] = await connection.describe(`SELECT ${name} FROM ${from}`);
  const form = formOf(described?.type ?? '');
  if (!form)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `the column ${column} is ${described?.type}: partitions are made by a column of integers, decimals or times`,
    );
  const [least, most] = await ends(connection, dialect, from, name, form);
  const first = lower === undefined ? least : readBound(lower, form);
  const last = upper === undefined ? most : readBound(upper, form);
  const cuts = first === undefined || last === undefined ? [] : cutsBetween(first, last, partitions);
  const word = (value: bigint) => (form === 'number' ? String(value) : `'${timeText(value)}'`);
  return Array.from({ length: cuts.length + 1 }, (_, i) => {
    const [from, to] = [cuts[i - 1], cuts[i]];
    const parts: string[] = [];
    if (from !== undefined) parts.push(`${name} >= ${word(from)}`);
    else if (lower !== undefined) parts.push(`${name} >= ${word(readBound(lower, form))}`);
    if (to !== undefined) parts.push(`${name} < ${word(to)}`);
    else if (upper !== undefined) parts.push(`${name} <= ${word(readBound(upper, form))}`);
    if (parts.length === 0) return '';
    const condition = parts.join(' AND ');
    return i === 0 && lower === undefined && upper === undefined
      ? `${condition} OR ${name} IS NULL`
      : condition;
  });
}

function formOf(type: string): Form | undefined {
  if (/^(?:smallint|integer|bigint|numeric)\b/.test(type)) return 'number';
  return /^(?:timestamp|date)\b/.test(type) && !type.endsWith('[]') ? 'time' : undefined;
}

async function ends(
  connection: SqlConnection,
  dialect: Dialect,
  from: string,
  name: string,
  form: Form,
): Promise<(bigint | undefined)[]> {
  const read = (which: string): string => {
    const value = `${which}(${name})`;
    if (dialect === 'mysql')
      return `CAST(${form === 'number' ? value : `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${value})`} AS CHAR)`;
    return form === 'number'
      ? `${value}::text`
      : `CASE WHEN isfinite(${value}) THEN (extract(epoch FROM ${value}) * 1000000)::bigint::text END`;
  };
  const { rows } = await connection.query(
    `SELECT ${read('min')} AS least, ${read('max')} AS most FROM ${from}`,
  );
  return ['least', 'most'].map(key => {
    const text = rows[0]?.[key];
    const digits = /^-?\d+/.exec(typeof text === 'string' ? text : '')?.[0];
    return digits === undefined ? undefined : BigInt(digits);
  });
}

function cutsBetween(first: bigint, last: bigint, partitions: number): bigint[] {
  const span = last - first + 1n;
  if (span < 2n) return [];
  const count = BigInt(partitions);
  const cuts = Array.from({ length: partitions - 1 }, (_, i) => first + (span * BigInt(i + 1)) / count);
  return [...new Set(cuts)].filter(cut => cut > first);
}

/** Times in microseconds since 1970. */
function readBound(text: string, form: Form): bigint {
  const trimmed = text.trim();
  if (form === 'number' && /^[+-]?\d{1,30}$/.test(trimmed)) return BigInt(trimmed);
  if (form === 'time' && /^\d{4}-\d\d-\d\d/.test(trimmed)) {
    const whole = trimmed.replace(' ', 'T');
    const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(whole.slice(10));
    const ms = Date.parse(hasZone ? whole : whole.length > 10 ? `${whole}Z` : whole);
    if (!Number.isNaN(ms)) return BigInt(ms) * 1000n;
  }
  throw new SluiceError(
    'PARAMETERS_INVALID',
    `the bound "${text.slice(0, 100)}" is ${form === 'number' ? 'no integer' : 'no time such as 2026-11-20 10:00:00'}`,
  );
}

function timeText(micros: bigint): string {
  const ms = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n);
  const rest = String(micros - ms * 1000n).padStart(3, '0');
  return `${new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '')}${rest}`;
}
