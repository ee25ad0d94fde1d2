/** Rows: elements as objects, parsed once and written back only where bytes are asked for. */
import { type Batch, type BatchColumns, payloadOf } from '../engine/batch.ts';
import type { ElementType } from '../engine/component.ts';
import { parseExact, stringifyExact } from './exact-json.ts';
import { encodePayloads } from './payloads.ts';

export type RowValue = null | boolean | number | bigint | string | RowValue[] | { [field: string]: RowValue };
export type Row = { [field: string]: RowValue };

/** The rows of batches that were made from rows. */
const known = new WeakMap<Batch, readonly Row[]>();

/** The elements of a batch as rows; text is a row of its one field. Do not change them: other stages may read them. */
export function rowsOf(batch: Batch, type: ElementType): readonly Row[] {
  const rows = known.get(batch) ?? parseRows(batch, type);
  known.set(batch, rows);
  return rows;
}

/** A batch of rows, whose bytes are made when they are first asked for. */
export function rowBatch(rows: readonly Row[], columns: BatchColumns = {}): Batch {
  let encoded: Pick<Batch, 'bytes' | 'starts' | 'ends' | 'lines'> | undefined;
  const encode = () => {
    encoded ??= encodePayloads(rows.map(stringifyRow));
    return encoded;
  };
  const batch: Batch = {
    count: rows.length,
    get bytes() {
      return encode().bytes;
    },
    get starts() {
      return encode().starts;
    },
    get ends() {
      return encode().ends;
    },
    get lines() {
      return encode().lines;
    },
    ...columns,
  };
  known.set(batch, rows);
  return batch;
}

function parseRows(batch: Batch, type: ElementType): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < batch.count; i++) {
    const text = payloadOf(batch, i).toString();
    rows.push(type.form === 'text' ? { [type.field]: text } : parseRow(text));
  }
  return rows;
}

/** So many digits may be an integer that a double does not hold. */
const LONG_NUMBER = /\d{16}/;

/** A row of its JSON text; 64-bit integers stay exact. */
export function parseRow(text: string): Row {
  return LONG_NUMBER.test(text) ? (parseExact(text) as Row) : JSON.parse(text);
}

/** The JSON text of a row, on one line. */
export function stringifyRow(row: Row): string {
  try {
    return JSON.stringify(row);
  } catch {
    // A bigint somewhere: JSON.stringify takes none.
    return stringifyExact(row);
  }
}
