/** Rows: elements as objects, parsed once and written back only where bytes are asked for. */
import { isAscii } from 'node:buffer';
import { type Batch, type BatchColumns, columnsAt, positionOf, selectElements } from '../engine/batch.ts';
import type { ElementType } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { parseExact, stringifyExact } from './exact-json.ts';
import { encodePayloads } from './payloads.ts';

export type RowValue = null | boolean | number | bigint | string | RowValue[] | { [field: string]: RowValue };
export type Row = { [field: string]: RowValue };

/** Where a batch keeps its rows: hidden, so that no copy with other bytes has them. A weak map costs the collector. */
const ROWS = Symbol('rows');
type WithRows = Batch & { [ROWS]?: readonly Row[] };
/** Those of them whose bytes were not asked for yet. */
const unmade = new WeakSet<Batch>();

/** What is to be called when the rows of a batch, which nobody has parsed yet, are asked for. */
const ASKED = Symbol('asked');
type Unparsed = Batch & { [ASKED]?: () => void };

const knownRows = (batch: WithRows): readonly Row[] | undefined => batch[ROWS];

function keepRows(batch: Batch, rows: readonly Row[]): void {
  Object.defineProperty(batch, ROWS, { value: rows, configurable: true });
}

/** The elements of a batch as rows; text is a row of its one field. Do not change them: other stages may read them. */
export function rowsOf(batch: Unparsed, type: ElementType): readonly Row[] {
  const known = knownRows(batch);
  if (!known) batch[ASKED]?.();
  const rows = known ?? parseRows(batch, type);
  keepRows(batch, rows);
  return rows;
}

/** The same elements, whose rows are known. A batch of its own: the one given may be text to others. */
export function withRows(batch: Batch, rows: readonly Row[]): Batch {
  const known = { ...batch };
  keepRows(known, rows);
  return known;
}

/** The same elements, each a JSON object on one line, parsed when somebody asks for the rows: `asked` is told then. */
export function unparsed(batch: Batch, asked: () => void): Batch {
  const later: Unparsed = { ...batch };
  Object.defineProperty(later, ASKED, { value: asked, configurable: true });
  return later;
}

/** Lets go of the rows of a batch that is kept for long: a heap full of them costs more than to parse once more. */
export function forgetRows(batch: WithRows): void {
  if (!unmade.has(batch)) delete batch[ROWS];
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
  keepRows(batch, rows);
  unmade.add(batch);
  return batch;
}

/** The elements at these indices, with their rows where they are known already. */
export function selectRows(batch: Batch, indices: readonly number[]): Batch {
  const all = knownRows(batch);
  const rows = all && indices.map(i => all[i] ?? {});
  // Of rows whose bytes nobody has asked for, none are made.
  if (rows && unmade.has(batch)) return rowBatch(rows, columnsAt(indices, batch));
  const selected = selectElements(batch, indices);
  if (rows) keepRows(selected, rows);
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
  const rows = knownRows(batch);
  if (rows) keepRows(moved, rows);
  return moved;
}

function parseRows(batch: Batch, type: ElementType): Row[] {
  // A text that is kept must not keep that of the whole batch.
  const { textOf, parse } = type.form === 'row' ? rowTexts(batch) : decoded(batch);
  const rows: Row[] = [];
  for (let i = 0; i < batch.count; i++) {
    const text = textOf(i);
    if (type.form === 'text') rows.push({ [type.field]: text });
    else if (type.form === 'failure') rows.push(errorRow(batch, i, text));
    else rows.push(checkedRow(parse, text, batch, i));
  }
  return rows;
}

interface RowTexts {
  textOf(index: number): string;
  parse(text: string): unknown;
}

/** The text of each element, and the fastest way to parse it that keeps 64-bit integers exact. */
export function rowTexts(batch: Batch): RowTexts {
  const { bytes, starts, ends } = batch;
  if (!isAscii(bytes)) return decoded(batch);
  // One text for the whole batch, cut where the elements lie: a byte is a character.
  const whole = bytes.toString('latin1');
  return {
    textOf: i => whole.slice(starts[i], ends[i]),
    parse: LONG_NUMBER.test(whole) ? parseRow : JSON.parse,
  };
}

const decoded = ({ bytes, starts, ends }: Batch): RowTexts => ({
  textOf: i => bytes.toString('utf8', starts[i], ends[i]),
  parse: parseRow,
});

/** What a source takes for rows need not be any. */
function checkedRow(parse: (text: string) => unknown, text: string, batch: Batch, index: number): Row {
  let why = 'it is no object';
  try {
    const row = parse(text);
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Row;
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  const place = positionOf(batch, index) ?? JSON.stringify(text.slice(0, 100));
  throw new SluiceError('ELEMENT_FAILED', `the row at ${place} is no JSON object: ${why}`);
}

/** Beam's error row: the element as it was, and why it failed. */
function errorRow({ failures, failedField }: Batch, index: number, text: string): Row {
  const { message = '', stack = '' } = failures?.[index] ?? {};
  const element = failedField === undefined ? parseRow(text) : { [failedField]: text };
  return { element, msg: message, stack };
}

/** So many digits may be an integer that a double does not hold. Spelled out, V8 looks at every eighth byte only. */
const LONG_NUMBER = new RegExp('\\d'.repeat(16));
/** Those of a fraction, or of most texts, are no such integer: to parse exactly costs several times as much. */
const LONG_INTEGER = /(?<!["\d.])\d{16,}(?!["\d.eE])/;

/** A row of its JSON text; 64-bit integers stay exact. */
export function parseRow(text: string): Row {
  return LONG_NUMBER.test(text) && LONG_INTEGER.test(text) ? (parseExact(text) as Row) : JSON.parse(text);
}

/** The JSON text of a row, on one line. */
export const stringifyRow = (row: Row): string => stringifyExact(row);
