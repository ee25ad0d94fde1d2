/** Tables of a dataset: what they are, making them, and widening them. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { SluiceError } from '../../errors.ts';
import type { TableField } from '../../formats/table-schema.ts';
import { identifier, literal } from './duckdb.ts';
import { columnType, fieldOf } from './types.ts';

/** A table as statements call it: the database that its dataset is attached as, and its name. */
export interface TablePlace {
  database: string;
  table: string;
}

export const placeName = ({ database, table }: TablePlace): string =>
  `${identifier(database)}.main.${identifier(table)}`;

/** When the rows of a table of ingestion time came: made by Sluice, no field of the schema. */
export const INGESTION_COLUMN = '_PARTITIONTIME';

/** The fields of a table; undefined when there is none. @throws SluiceError INPUT_UNREADABLE for types BigQuery lacks */
export async function describeTable(
  connection: DuckDBConnection,
  place: TablePlace,
): Promise<TableField[] | undefined> {
  if (!(await tableExists(connection, place))) return undefined;
  const result = await connection.run(`SELECT * FROM ${placeName(place)} LIMIT 0`);
  const required = await requiredColumns(connection, place);
  const fields: TableField[] = [];
  const types = result.columnTypes();
  for (const [i, name] of result.columnNames().entries()) {
    const type = types[i];
    if (!type || name === INGESTION_COLUMN) continue;
    const field = fieldOf(name, type, required.has(name));
    if (!field)
      throw new SluiceError(
        'INPUT_UNREADABLE',
        `the column ${name} of ${place.table} is of the type ${type}, which BigQuery lacks`,
      );
    fields.push(field);
  }
  return fields;
}

export async function tableExists(
  connection: DuckDBConnection,
  { database, table }: TablePlace,
): Promise<boolean> {
  const found = await connection.runAndReadAll(
    `SELECT 1 FROM duckdb_tables() WHERE database_name = $database AND schema_name = 'main' AND table_name = $table`,
    { database, table },
  );
  return found.currentRowCount > 0;
}

export interface TableOptions {
  /** Kept with the table as its comment. */
  partitioning?: { type: 'DAY' | 'HOUR'; field?: string };
  clustering?: readonly string[];
}

export async function createTable(
  connection: DuckDBConnection,
  place: TablePlace,
  fields: readonly TableField[],
  options: TableOptions = {},
): Promise<void> {
  const { partitioning, clustering } = options;
  const columns = fields.map(
    field => `${identifier(field.name)} ${columnType(field)}${field.mode === 'REQUIRED' ? ' NOT NULL' : ''}`,
  );
  if (partitioning && partitioning.field === undefined)
    columns.push(`${identifier(INGESTION_COLUMN)} TIMESTAMPTZ`);
  await connection.run(`CREATE TABLE ${placeName(place)} (${columns.join(', ')})`);
  if (partitioning || clustering)
    await connection.run(
      `COMMENT ON TABLE ${placeName(place)} IS ${literal(JSON.stringify({ partitioning, clustering }))}`,
    );
}

/** Adds and widens columns until the table has these fields; those it has beyond them stay. */
export async function alterTable(
  connection: DuckDBConnection,
  place: TablePlace,
  from: readonly TableField[],
  to: readonly TableField[],
): Promise<void> {
  const known = new Map(from.map(field => [field.name.toLowerCase(), field]));
  for (const field of to) {
    const before = known.get(field.name.toLowerCase());
    const type = columnType(field);
    if (!before)
      await connection.run(`ALTER TABLE ${placeName(place)} ADD COLUMN ${identifier(field.name)} ${type}`);
    else if (columnType(before) !== type)
      await connection.run(
        `ALTER TABLE ${placeName(place)} ALTER COLUMN ${identifier(before.name)} SET DATA TYPE ${type}${usingOf(before, field)}`,
      );
  }
}

/** Casting to JSON would parse: what is there becomes JSON as it is. */
function usingOf(before: TableField, after: TableField): string {
  return after.type === 'JSON' ? ` USING to_json(${identifier(before.name)})` : '';
}

async function requiredColumns(
  connection: DuckDBConnection,
  { database, table }: TablePlace,
): Promise<ReadonlySet<string>> {
  const found = await connection.runAndReadAll(
    `SELECT column_name FROM duckdb_columns()
     WHERE database_name = $database AND schema_name = 'main' AND table_name = $table AND NOT is_nullable`,
    { database, table },
  );
  return new Set(found.getRows().map(([name]) => String(name)));
}
