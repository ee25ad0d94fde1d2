/** Rows of the REST interface, where all values are text, to the JSON text of rows, in which no digit is lost. */

import type { RestCell, RestField } from './client.ts';
import { isoTimestamp } from './times.ts';

/** The JSON text of a row of these fields. */
export type RestRowWriter = (row: { f: RestCell[] }) => string;

export function restRowWriter(fields: readonly RestField[]): RestRowWriter {
  return recordWriter(fields);
}

type Writer = (value: unknown) => string;

function recordWriter(fields: readonly RestField[]): (row: { f: RestCell[] }) => string {
  const columns = fields.map(field => ({ key: `${JSON.stringify(field.name)}:`, write: fieldWriter(field) }));
  return ({ f }) => `{${columns.map(({ key, write }, i) => key + write(f[i]?.v)).join(',')}}`;
}

function fieldWriter(field: RestField): Writer {
  const one = oneWriter(field);
  const write: Writer = value => (value === null || value === undefined ? 'null' : one(value));
  if (field.mode !== 'REPEATED') return write;
  return value =>
    Array.isArray(value) ? `[${value.map((each: RestCell) => write(each.v)).join(',')}]` : '[]';
}

function oneWriter({ type, fields = [] }: RestField): Writer {
  if (type === 'RECORD' || type === 'STRUCT') {
    const record = recordWriter(fields);
    return value => record(value as { f: RestCell[] });
  }
  return scalars[type] ?? (value => JSON.stringify(String(value)));
}

const number: Writer = value => {
  const text = String(value);
  // JSON has no number for NaN and Infinity.
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? text : JSON.stringify(text);
};
const boolean: Writer = value => String(String(value).toLowerCase() === 'true');
const timestamp: Writer = value => JSON.stringify(isoTimestamp(BigInt(String(value))));
const datetime: Writer = value => JSON.stringify(String(value).replace(' ', 'T'));
const json: Writer = value => String(value).replace(/[\r\n]/g, ' ');

/** What is not here is text. */
const scalars: Readonly<Record<string, Writer>> = {
  INTEGER: number,
  INT64: number,
  FLOAT: number,
  FLOAT64: number,
  BOOLEAN: boolean,
  BOOL: boolean,
  TIMESTAMP: timestamp,
  DATETIME: datetime,
  JSON: json,
};
