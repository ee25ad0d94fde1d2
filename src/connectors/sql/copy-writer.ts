/** Rows into a table of PostgreSQL by COPY: straight into it, or by way of a temporary one where keys may be there. */
import type { Row } from '../../formats/rows.ts';
import { type Table, type TableColumn, type ValueText, valueText } from './columns.ts';
import type { SqlConnection } from './connection.ts';
import { quoteIdentifier } from './names.ts';
import { linesOf, type RowWriter } from './row-writer.ts';

/** What to do with a row whose key is there: refuse it, leave what is there, or replace that. */
export type OnConflict = 'refuse' | 'ignore' | 'update';

export interface CopySettings {
  table: Table;
  onConflict: OnConflict;
  /** The columns of the key, unless rows of the same key are refused. */
  keys: readonly string[];
}

const STAGE = 'sluice_rows';
const ORDER = 'sluice_order';

export function copyWriter(settings: CopySettings): RowWriter {
  const staged = settings.onConflict !== 'refuse';
  const writable = settings.table.columns.filter(({ generated }) => !generated);
  const list = writable.map(({ name }) => quoteIdentifier(name)).join(', ');
  return {
    encode: rowEncoder(writable, staged),
    async begin(connection) {
      // A constraint that waits for the commit would refuse rows when it is too late to tell which.
      await connection.query('SET CONSTRAINTS ALL IMMEDIATE');
      if (staged)
        await connection.query(
          `CREATE TEMPORARY TABLE ${STAGE} ON COMMIT DROP AS SELECT ${list}, 0::bigint AS ${ORDER} FROM ${settings.table.quoted} WITH NO DATA`,
        );
    },
    async apply(connection, head, lines) {
      const columns = (JSON.parse(head) as string[]).map(quoteIdentifier);
      if (!staged) return copy(connection, settings.table.quoted, columns, lines.bytes);
      await copy(connection, STAGE, [...columns, ORDER], lines.bytes);
      await connection.query(mergeStatement(settings, columns));
    },
    async applied(connection) {
      if (staged) await connection.query(`TRUNCATE ${STAGE}`);
    },
    guilty(error) {
      const where = error instanceof Error && 'where' in error ? String(error.where) : '';
      const line = /^COPY .*?, line (\d+)/m.exec(where)?.[1];
      return line === undefined ? undefined : Number(line) - 1;
    },
  };
}

/** What the table is to take is asked of the database, without a row. */
export async function checkTable(connection: SqlConnection, settings: CopySettings): Promise<void> {
  const columns = settings.table.columns
    .filter(({ generated }) => !generated)
    .map(({ name }) => quoteIdentifier(name));
  const { quoted } = settings.table;
  const rows = `SELECT ${columns.join(', ')} FROM ${quoted} WHERE false`;
  await connection.query(
    `EXPLAIN INSERT INTO ${quoted} (${columns.join(', ')}) ${rows}${conflictClause(settings, columns)}`,
  );
}

async function copy(
  connection: SqlConnection,
  table: string,
  columns: readonly string[],
  bytes: Buffer,
): Promise<void> {
  await connection.copyIn?.(`COPY ${table} (${columns.join(', ')}) FROM STDIN`, bytes);
}

/** Of rows with one key the last counts; one statement may not change a row twice. */
function mergeStatement(settings: CopySettings, columns: readonly string[]): string {
  const keys = settings.keys.map(quoteIdentifier);
  const same = keys.map(key => `later.${key} = s.${key}`).join(' AND ');
  const list = columns.join(', ');
  const values = columns.map(column => `s.${column}`).join(', ');
  return `INSERT INTO ${settings.table.quoted} (${list}) SELECT ${values} FROM ${STAGE} s WHERE NOT EXISTS (SELECT 1 FROM ${STAGE} later WHERE ${same} AND later.${ORDER} ${settings.onConflict === 'update' ? '>' : '<'} s.${ORDER}) ORDER BY s.${ORDER}${conflictClause(settings, columns)}`;
}

function conflictClause({ onConflict, keys }: CopySettings, columns: readonly string[]): string {
  if (onConflict === 'refuse') return '';
  const names = keys.map(quoteIdentifier);
  const changed = columns.filter(column => !names.includes(column));
  const target = ` ON CONFLICT (${names.join(', ')}) DO `;
  if (onConflict === 'ignore' || changed.length === 0) return `${target}NOTHING`;
  return `${target}UPDATE SET ${changed.map(column => `${column} = excluded.${column}`).join(', ')}`;
}

const NULL = '\\N';
const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escapeText = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[\\\n\r\t]/g, sign => ESCAPES[sign] ?? sign) : text;

interface Shape {
  head: string;
  /** Which columns its lines have. */
  columns: number[];
}

/** Lines as COPY reads them. Rows that lack a column with a default are apart: a line says NULL, not nothing. */
function rowEncoder(columns: readonly TableColumn[], ordered: boolean): RowWriter['encode'] {
  const texts: ValueText[] = columns.map(({ type }) => valueText('postgres', type));
  const byName = new Map(columns.map(({ name }, i) => [name, i]));
  const byLower = new Map(columns.map(({ name }, i) => [name.toLowerCase(), i]));
  const shapes = new Map<string, Shape>();
  const values: (string | undefined)[] = columns.map(() => undefined);
  let order = 0;

  /** Puts the values of a row in their places; tells what does not fit. */
  const place = (row: Row): ReturnType<typeof misfit> | undefined => {
    values.fill(undefined);
    for (const name of Object.keys(row)) {
      const at = byName.get(name) ?? byLower.get(name.toLowerCase());
      if (at === undefined)
        return misfit('SQL_NO_SUCH_COLUMN', `the table has no column ${JSON.stringify(name.slice(0, 100))}`);
      const value = row[name] ?? null;
      if (value === null) values[at] = NULL;
      else {
        const text = texts[at]?.(value);
        if (text === undefined)
          return misfit('SQL_ROW_REFUSED', `${name.slice(0, 100)} takes ${columns[at]?.type}, as base64`);
        values[at] = escapeText(String(text));
      }
    }
    return undefined;
  };

  return (rows, refuse) => {
    const blocks: { head: string; texts: string[]; indices: number[] }[] = [];
    let last: (typeof blocks)[number] | undefined;
    for (const [i, row] of rows.entries()) {
      const why = place(row);
      if (why) {
        refuse(i, why);
        continue;
      }
      const { head, columns: picked } = shapeOf(columns, values, shapes);
      if (picked.length === 0) {
        refuse(i, misfit('SQL_ROW_REFUSED', 'the row has no field'));
        continue;
      }
      if (last?.head !== head) {
        last = { head, texts: [], indices: [] };
        blocks.push(last);
      }
      let line = '';
      for (const [n, at] of picked.entries())
        line += n === 0 ? (values[at] ?? NULL) : `\t${values[at] ?? NULL}`;
      last.texts.push(ordered ? `${line}\t${order++}` : line);
      last.indices.push(i);
    }
    return blocks.map(({ head, texts, indices }) => ({ head, lines: linesOf(texts), indices }));
  };
}

const misfit = (code: 'SQL_NO_SUCH_COLUMN' | 'SQL_ROW_REFUSED', message: string) => ({ code, message });

function shapeOf(
  columns: readonly TableColumn[],
  values: readonly (string | undefined)[],
  shapes: Map<string, Shape>,
): Shape {
  let key = '';
  for (let i = 0; i < columns.length; i++)
    if (columns[i]?.hasDefault) key += values[i] === undefined ? '0' : '1';
  const known = shapes.get(key);
  if (known) return known;
  const picked = columns.flatMap(({ hasDefault }, i) => (hasDefault && values[i] === undefined ? [] : [i]));
  const shape = { head: JSON.stringify(picked.map(i => columns[i]?.name)), columns: picked };
  // There are as many as there are combinations.
  if (shapes.size < MAX_SHAPES) shapes.set(key, shape);
  return shape;
}

const MAX_SHAPES = 1000;
