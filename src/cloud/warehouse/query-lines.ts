/** Runs a query over files of lines of JSON, in a database in memory that reaches nothing else. */
import type { TableField } from '../../formats/table-schema.ts';
import { linesOf } from './append.ts';
import { identifier, type SessionSettings, withDatabases } from './duckdb.ts';
import { copyResult, lockDown, tablesOf, translateQuery } from './guarded.ts';
import { columnType, importExpression } from './types.ts';

/** A table that a query may read. */
export interface LinesTable {
  name: string;
  fields: readonly TableField[];
  /** Absent: it has no rows. */
  rows?: { path: string; longestLine: number };
}

/** The names of the tables that a query reads. @throws SluiceError QUERY_INVALID unless it is one SELECT */
export async function tablesOfQuery(query: string): Promise<string[]> {
  const found = await withDatabases([], {}, connection => tablesOf(connection, translateQuery(query)));
  return found.map(parts => parts.join('.'));
}

/** Writes the result to a file, as lines of JSON in the query's order. @throws SluiceError QUERY_INVALID */
export async function queryLines(
  query: string,
  tables: readonly LinesTable[],
  path: string,
  settings: SessionSettings,
): Promise<void> {
  await withDatabases([], settings, async connection => {
    for (const table of tables) await connection.run(tableStatement(table));
    await lockDown(connection, [path]);
    await copyResult(connection, translateQuery(query), path);
  });
}

function tableStatement({ name, fields, rows }: LinesTable): string {
  // A table has at least one column.
  const columns =
    fields.length > 0 ? fields : [{ name: '', type: 'STRING', mode: 'NULLABLE', fields: [] } as const];
  if (!rows || fields.length === 0)
    return `CREATE TABLE ${identifier(name)} (${columns.map(each => `${identifier(each.name || ' ')} ${columnType({ ...each, fields: [...each.fields] })}`).join(', ')})`;
  const values = fields.map(
    field => `${importExpression(field, identifier(field.name))} AS ${identifier(field.name)}`,
  );
  return `CREATE TABLE ${identifier(name)} AS SELECT ${values.join(', ')} FROM ${linesOf(rows.path, fields, rows.longestLine)}`;
}
