/** Rows as the fields of a statement, several of them in one where it is an INSERT of values. */
import type { Row } from '../../formats/rows.ts';
import type { Dialect } from './address.ts';
import { type Table, valueText } from './columns.ts';
import type { SqlConnection, SqlValue } from './connection.ts';
import { quoteIdentifier, quoterOf } from './names.ts';
import { linesOf, type RowWriter } from './row-writer.ts';
import type { Statement } from './statement.ts';

const MAX_ROWS = 500;
const MAX_BYTES = 1 << 19;
/** PostgreSQL takes as many. */
const MAX_VALUES = 60_000;

/** A value of a line: null, a text, a number, bytes in base64 as `[text]`, or false where the column's default counts. */
type LineValue = null | string | number | false | [string];

/** @param table tells the types of the columns; absent: not known */
export function statementWriter(statement: Statement, dialect: Dialect, table: Table | undefined): RowWriter {
  const types = new Map(table?.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const fields = statement.fields.map(name => ({
    name,
    text: valueText(dialect, types.get(name.toLowerCase())),
  }));
  const rowsAtOnce = statement.repeated
    ? Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_VALUES / Math.max(1, fields.length))))
    : 1;
  return {
    encode(rows, refuse) {
      const texts: string[] = [];
      const indices: number[] = [];
      for (const [i, row] of rows.entries()) {
        const values: LineValue[] = [];
        for (const { name, text } of fields) {
          const value = fieldIn(row, name);
          const encoded = value === null ? null : text(value);
          if (encoded === undefined)
            refuse(i, { code: 'SQL_ROW_REFUSED', message: `${name} takes bytes, as base64` });
          else values.push(Buffer.isBuffer(encoded) ? [encoded.toString('base64')] : encoded);
        }
        if (values.length < fields.length) continue;
        texts.push(JSON.stringify(values));
        indices.push(i);
      }
      return texts.length > 0 ? [{ head: '', lines: linesOf(texts), indices }] : [];
    },
    ...(dialect === 'postgres' && {
      async begin(connection: SqlConnection) {
        // A constraint that waits for the commit would refuse rows when it is too late to tell which.
        await connection.query('SET CONSTRAINTS ALL IMMEDIATE');
      },
    }),
    async apply(connection, _head, { texts }) {
      for (let from = 0; from < texts.length; ) {
        const to = fitting(texts, from, rowsAtOnce);
        const rows = texts.slice(from, to).map(line => JSON.parse(line) as LineValue[]);
        const { pieces, values } = withValues(statement, rows);
        await connection.run(pieces, values);
        from = to;
      }
    },
  };
}

/** The INSERT of a whole row into a table of MySQL. A column that a row lacks has its default. */
export function insertStatement(
  table: Table,
  onConflict: 'refuse' | 'ignore' | 'update',
  keys: readonly string[],
): Statement {
  const quote = quoterOf('mysql');
  const columns = table.columns.filter(({ generated }) => !generated).map(({ name }) => name);
  const list = columns.map(quote).join(', ');
  const before = `INSERT INTO ${table.quoted} (${list}) VALUES `;
  const pieces = ['(', ...columns.slice(1).map(() => ', '), ')'];
  const changed = columns.filter(column => !keys.includes(column));
  const [first = ''] = columns;
  const updates =
    onConflict === 'update' && changed.length > 0
      ? changed.map(column => `${quote(column)} = VALUES(${quote(column)})`)
      : [`${quote(first)} = ${quote(first)}`];
  const after = onConflict === 'refuse' ? '' : ` ON DUPLICATE KEY UPDATE ${updates.join(', ')}`;
  return { pieces: [], fields: columns, repeated: { before, pieces, after } };
}

/** As `statementWriter`, for rows that must have no other fields than the table has columns. */
export function insertWriter(table: Table, statement: Statement): RowWriter {
  const plain = statementWriter(statement, 'mysql', table);
  const known = new Set(statement.fields.map(name => name.toLowerCase()));
  const defaults = statement.fields.map(
    name => table.columns.find(column => column.name === name)?.hasDefault ?? false,
  );
  return {
    ...plain,
    encode(rows, refuse) {
      const taken: Row[] = [];
      const at: number[] = [];
      for (const [i, row] of rows.entries()) {
        const stray = Object.keys(row).find(name => !known.has(name.toLowerCase()));
        if (stray === undefined) {
          taken.push(row);
          at.push(i);
        } else
          refuse(i, {
            code: 'SQL_NO_SUCH_COLUMN',
            message: `the table has no column ${quoteIdentifier(stray.slice(0, 100))}`,
          });
      }
      const blocks = plain.encode(taken, (index, why) => refuse(at[index] ?? 0, why));
      return blocks.map(({ head, lines, indices }) => ({
        head,
        lines: linesOf(
          lines.texts.map((line, n) =>
            withDefaults(line, taken[indices[n] ?? 0] ?? {}, statement.fields, defaults),
          ),
        ),
        indices: indices.map(index => at[index] ?? 0),
      }));
    },
  };
}

function withDefaults(
  line: string,
  row: Row,
  fields: readonly string[],
  defaults: readonly boolean[],
): string {
  if (!fields.some((name, i) => defaults[i] && keyIn(row, name) === undefined)) return line;
  const values = JSON.parse(line) as LineValue[];
  return JSON.stringify(
    values.map((value, i) => (defaults[i] && keyIn(row, fields[i] ?? '') === undefined ? false : value)),
  );
}

function keyIn(row: Row, name: string): string | undefined {
  if (Object.hasOwn(row, name)) return name;
  const lower = name.toLowerCase();
  return Object.keys(row).find(key => key.toLowerCase() === lower);
}

/** A field by its name, whatever the case; null where there is none. */
function fieldIn(row: Row, name: string) {
  const key = keyIn(row, name);
  return key === undefined ? null : (row[key] ?? null);
}

function fitting(lines: readonly string[], from: number, atOnce: number): number {
  let bytes = 0;
  let to = from;
  while (to < lines.length && to - from < atOnce && (to === from || bytes < MAX_BYTES))
    bytes += lines[to++]?.length ?? 0;
  return to;
}

/** The statement for these rows: its pieces, and the values between them. */
function withValues(
  { pieces, repeated }: Statement,
  rows: readonly LineValue[][],
): { pieces: string[]; values: SqlValue[] } {
  const made: string[] = [repeated?.before ?? ''];
  const values: SqlValue[] = [];
  const append = (text: string) => {
    made[made.length - 1] += text;
  };
  for (const [n, row] of rows.entries()) {
    const around = repeated?.pieces ?? pieces;
    append(`${n > 0 ? ', ' : ''}${around[0] ?? ''}`);
    for (const [i, value] of row.entries()) {
      const after = around[i + 1] ?? '';
      if (value === false) append(`DEFAULT${after}`);
      else {
        values.push(Array.isArray(value) ? Buffer.from(value[0], 'base64') : value);
        made.push(after);
      }
    }
  }
  append(repeated?.after ?? '');
  return { pieces: made, values };
}
