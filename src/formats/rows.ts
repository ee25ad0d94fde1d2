/** Rows: elements as objects, parsed once and written back only where bytes are asked for. */
import { type Batch, type BatchColumns, columnsAt, payloadOf, selectElements } from '../engine/batch.ts';
import type { ElementType } from '../engine/component.ts';
import { parseExact, stringifyExact } from './exact-json.ts';
import { encodePayloads } from './payloads.ts';

export type RowValue = null | boolean | number | bigint | string | RowValue[] | { [field: string]: RowValue };
export type Row = { [field: string]: RowValue };

/** The rows of batches that were made from rows. */
const known = new WeakMap<Batch, readonly Row[]>();
/** Those of them whose bytes were not asked for yet. */
const unmade = new WeakSet<Batch>();

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
    unmade.delete(batch);
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
  unmade.add(batch);
  return batch;
}

/** The elements at these indices, with their rows where they are known already. */
export function selectRows(batch: Batch, indices: readonly number[]): Batch {
  const all = known.get(batch);
  const rows = all && indices.map(i => all[i] ?? {});
  // Of rows whose bytes nobody has asked for, none are made.
  if (rows && unmade.has(batch)) return rowBatch(rows, columnsAt(indices, batch));
  const selected = selectElements(batch, indices);
  if (rows) known.set(selected, rows);
  return selected;
}

/** The same elements with these times and windows in the place of their own. */
export function retimed(batch: Batch, { times, windows }: Pick<Batch, 'times' | 'windows'>): Batch {
  const { count, metadata, origin, failures, failedField } = batch;
  const moved: Batch = {
    count,
    // Read through: the bytes of rows may not have been made yet.
    get bytes() {
      return batch.bytes;
    },
    get starts() {
      return batch.starts;
    },
    get ends() {
      return batch.ends;
    },
    get lines() {
      return batch.lines;
    },
    ...(times && { times }),
    ...(windows && { windows }),
    ...(metadata && { metadata }),
    ...(origin && { origin }),
    ...(failures && { failures }),
    ...(failedField !== undefined && { failedField }),
  };
  const rows = known.get(batch);
  if (rows) known.set(moved, rows);
  return moved;
}

function parseRows(batch: Batch, type: ElementType): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < batch.count; i++) {
    const text = payloadOf(batch, i).toString();
    if (type.form === 'text') rows.push({ [type.field]: text });
    else rows.push(type.form === 'row' ? parseRow(text) : errorRow(batch, i, text));
  }
  return rows;
}

/** Beam's error row: the element as it was, and why it failed. */
function errorRow({ failures, failedField }: Batch, index: number, text: string): Row {
  const { message = '', stack = '' } = failures?.[index] ?? {};
  const element = failedField === undefined ? parseRow(text) : { [failedField]: text };
  return { element, msg: message, stack };
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
