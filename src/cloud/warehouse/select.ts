/** Runs a query over the warehouse: the datasets it names are open, to read, only while it runs. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { identifier, type SessionSettings, withDatabases } from './duckdb.ts';
import { copyResult, lockDown, tablesOf, translateQuery } from './guarded.ts';
import {
  type DatasetName,
  datasetFile,
  LOCAL_PROJECT,
  listDatasets,
  type TableName,
  wordTable,
} from './names.ts';
import { tableExists } from './tables.ts';

/** A table, and what the query calls it. */
interface Reference {
  parts: string[];
  table: TableName;
}

/**
 * Writes the rows of a query to a file, as lines of JSON in the query's order; gives the names of its columns.
 * Tables are `dataset.table` or `project.dataset.table`, also in backticks.
 * @throws SluiceError QUERY_INVALID, TABLE_NOT_FOUND, WAREHOUSE_BUSY
 */
export async function selectToFile(
  query: string,
  path: string,
  config: Config,
  settings: SessionSettings = {},
): Promise<string[]> {
  const sql = translateQuery(query);
  const names = await withDatabases([], settings, connection => tablesOf(connection, sql));
  const references = await Promise.all(
    names.filter(isUsers).map(async parts => ({ parts, table: await findTable(parts, config) })),
  );
  const datasets = new Map(references.map(({ table }) => [catalogOf(table), table]));
  const attached = [...datasets].map(([as, dataset]) => ({
    file: datasetFile(dataset, config),
    as,
    readOnly: true,
  }));
  return withDatabases(attached, settings, async connection => {
    const projects = new Set(
      references.map(({ parts }) => parts.at(-3)).filter(project => project !== undefined),
    );
    for (const project of projects) await connection.run(`ATTACH ':memory:' AS ${identifier(project)}`);
    for (const reference of references) await makeView(connection, reference);
    await lockDown(connection, [path]);
    return copyResult(connection, sql, path);
  });
}

/** The statement that reads a table. @param fields all when absent; @param restriction a condition of SQL */
export function selectOf(table: TableName, fields?: readonly string[], restriction?: string): string {
  const columns = fields ? fields.map(identifier).join(', ') : '*';
  const from = [table.project, table.dataset, table.table].map(identifier).join('.');
  // On a line of its own: the condition may end in a comment.
  return `SELECT ${columns} FROM ${from}${restriction === undefined ? '' : ` WHERE (${restriction}\n)`}`;
}

const isUsers = ([first = '']: string[]): boolean => first.toLowerCase() !== 'information_schema';

const catalogOf = ({ project, dataset }: DatasetName): string => `${project}:${dataset}`;

async function findTable(parts: string[], config: Config): Promise<TableName> {
  const [table = '', dataset, project] = parts.toReversed();
  if (dataset === undefined || parts.length > 3)
    throw new SluiceError(
      'TABLE_NOT_FOUND',
      `there is no table ${parts.join('.')}: tables are named dataset.table`,
    );
  const known = await listDatasets(config);
  const found = project
    ? known.filter(each => each.project === project && each.dataset === dataset)
    : known.filter(each => each.dataset === dataset);
  const name = found.find(each => each.project === LOCAL_PROJECT) ?? found[0];
  if (name && (found.length === 1 || name.project === LOCAL_PROJECT)) return { ...name, table };
  if (name)
    throw new SluiceError(
      'TABLE_NOT_FOUND',
      `${dataset} is a dataset of ${found.map(each => each.project).join(' and ')}: write project.dataset.table`,
    );
  const choice =
    known.length > 0 ? `there is ${known.map(each => each.dataset).join(', ')}` : 'there are none yet';
  throw new SluiceError('TABLE_NOT_FOUND', `there is no dataset ${dataset}: ${choice}`);
}

async function makeView(connection: DuckDBConnection, { parts, table }: Reference): Promise<void> {
  const place = { database: catalogOf(table), table: table.table };
  if (!(await tableExists(connection, place)))
    throw new SluiceError(
      'TABLE_NOT_FOUND',
      `there is no table ${wordTable(table)}${await othersIn(connection, place.database)}`,
    );
  const [name = '', dataset = '', project] = parts.toReversed();
  const catalog = project === undefined ? 'memory' : identifier(project);
  const schema = `${catalog}.${identifier(dataset)}`;
  await connection.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await connection.run(
    `CREATE VIEW IF NOT EXISTS ${schema}.${identifier(name)} AS SELECT * FROM ${identifier(place.database)}.main.${identifier(place.table)}`,
  );
}

async function othersIn(connection: DuckDBConnection, database: string): Promise<string> {
  const found = await connection.runAndReadAll(
    `SELECT table_name FROM duckdb_tables() WHERE database_name = $database AND schema_name = 'main' ORDER BY 1 LIMIT 20`,
    { database },
  );
  const names = found.getRows().map(([name]) => String(name));
  return names.length > 0 ? `: the dataset has ${names.join(', ')}` : '';
}
