/**
 * Statements with `?` or `:name` for the fields of a row. A `?` is the field called as the column it is for: of an INSERT
 * with a list of columns, the one that stands in the same place; so functions and defaults may stand among them.
 */
import { SluiceError } from '../../errors.ts';
import type { Dialect } from './address.ts';

export interface Statement {
  /** The text around the fields: one piece more than there are fields. */
  pieces: string[];
  fields: string[];
  /** For `INSERT … VALUES (…) …`: the same, cut so that the values may be repeated for several rows. */
  repeated?: { before: string; pieces: string[]; after: string };
  /** The table of an INSERT, as it was written. */
  table?: string;
}

interface Mark {
  at: number;
  length: number;
  /** Absent for `?`. */
  name?: string;
}

const MAX_FIELDS = 1000;

/** @throws SluiceError PARAMETERS_INVALID */
export function parseStatement(text: string, dialect: Dialect): Statement {
  const statement = text.trim().replace(/;\s*$/, '');
  // What is quoted or a comment holds no fields; of the same length, so that places stay.
  const masked = statement.replace(quoted(dialect), whole => {
    const isName = whole.startsWith('"') || whole.startsWith('`');
    return isName ? whole.replace(/[?:(),;]/g, '_') : ' '.repeat(whole.length);
  });
  if (masked.includes(';')) throw refuse('it must be one statement');
  const marks = marksOf(masked);
  if (marks.length === 0) throw refuse('it has no ? or :name for the fields of a row');
  if (marks.length > MAX_FIELDS) throw refuse(`it has more than ${MAX_FIELDS} fields`);
  const insert = insertOf(statement, masked);
  const fields = marks.map(
    (mark, i) => mark.name ?? insert?.fieldAt(mark.at) ?? positional(insert, marks, i),
  );
  const values = insert?.values;
  const isRepeatable =
    values &&
    marks.every(({ at }) => at > values[0] && at < values[1]) &&
    !/^\s*,/.test(masked.slice(values[1]));
  return {
    ...cut(statement, marks),
    fields,
    ...(isRepeatable && {
      repeated: {
        before: statement.slice(0, values[0]),
        pieces: cut(
          statement.slice(values[0], values[1]),
          marks.map(mark => ({ ...mark, at: mark.at - values[0] })),
        ).pieces,
        after: statement.slice(values[1]),
      },
    }),
    ...(insert && { table: insert.table }),
  };
}

/** Comments, texts and names in quotes. */
const quoted = (dialect: Dialect): RegExp =>
  dialect === 'postgres'
    ? /--[^\n]*|\/\*[\s\S]*?\*\/|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g
    : /--\s[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`/g;

/** JDBC writes `??` for an operator `?`; `::` is a cast. */
function marksOf(masked: string): Mark[] {
  const marks: Mark[] = [];
  for (const { 0: whole, 1: name, index: at } of masked.matchAll(/\?\?|\?|::\s*\w+|:([A-Za-z_]\w*)/g)) {
    if (whole === '?') marks.push({ at, length: 1 });
    else if (name !== undefined) marks.push({ at, length: whole.length, name });
  }
  return marks;
}

interface Insert {
  table: string;
  columns: string[];
  /** Where its one list of values begins and ends, with the parentheses. */
  values?: [number, number];
  /** The column that a place in the values is for. */
  fieldAt(at: number): string | undefined;
}

const INSERT = /^\s*(?:INSERT|REPLACE|UPSERT)\b[A-Za-z_\s]*?\bINTO\s+([^\s(]+)\s*(?:AS\s+\S+\s*)?\(/i;

function insertOf(statement: string, masked: string): Insert | undefined {
  const match = INSERT.exec(masked);
  if (!match) return undefined;
  const start = match[0].length - 1;
  const end = closing(masked, start);
  const columns = itemsOf(masked, start, end).map(([from, to]) => nameOf(statement.slice(from, to)));
  const table = statement.slice(
    match[0].indexOf(match[1] ?? ''),
    match[0].indexOf(match[1] ?? '') + (match[1] ?? '').length,
  );
  const word = /^\s*VALUES\s*(?=\()/i.exec(masked.slice(end));
  if (!word) return { table, columns, fieldAt: () => undefined };
  const values: [number, number] = [end + word[0].length, 0];
  values[1] = closing(masked, values[0]);
  const items = itemsOf(masked, values[0], values[1]);
  if (items.length !== columns.length)
    throw refuse(`it has ${columns.length} columns and ${items.length} values`);
  return {
    table,
    columns,
    values,
    fieldAt(at) {
      const index = items.findIndex(([from, to]) => at >= from && at < to);
      return index < 0 ? undefined : columns[index];
    },
  };
}

/** Where no list of values tells, as many fields as columns are in their order. */
function positional(insert: Insert | undefined, marks: readonly Mark[], index: number): string {
  const column = insert && !insert.values && insert.columns.length === marks.length && insert.columns[index];
  if (column) return column;
  throw refuse(
    'it does not tell which field each ? is for: write INSERT INTO table (column, …) VALUES (?, …), or :name for the field of that name',
  );
}

/** Behind the parenthesis that closes the one at `open`. */
function closing(masked: string, open: number): number {
  let depth = 0;
  for (let i = open; i < masked.length; i++) {
    if (masked[i] === '(') depth++;
    else if (masked[i] === ')' && --depth === 0) return i + 1;
  }
  throw refuse('a parenthesis is not closed');
}

/** What stands between the commas of a list in parentheses. */
function itemsOf(masked: string, open: number, end: number): [number, number][] {
  const items: [number, number][] = [];
  let depth = 0;
  let from = open + 1;
  for (let i = open + 1; i < end; i++) {
    if (masked[i] === '(' || masked[i] === '[') depth++;
    else if (depth > 0 && (masked[i] === ')' || masked[i] === ']')) depth--;
    else if (depth === 0 && (masked[i] === ',' || i === end - 1)) {
      items.push([from, i]);
      from = i + 1;
    }
  }
  return items;
}

const nameOf = (text: string): string =>
  text
    .trim()
    .replace(/^"(.*)"$/s, (_, name) => name.replaceAll('""', '"'))
    .replace(/^`(.*)`$/s, (_, name) => name.replaceAll('``', '`'));

function cut(text: string, marks: readonly Mark[]): { pieces: string[] } {
  const pieces: string[] = [];
  let from = 0;
  for (const { at, length } of marks) {
    pieces.push(text.slice(from, at).replaceAll('??', '?'));
    from = at + length;
  }
  return { pieces: [...pieces, text.slice(from).replaceAll('??', '?')] };
}

const refuse = (why: string): SluiceError =>
  new SluiceError('PARAMETERS_INVALID', `the statement cannot be used: ${why}`);
