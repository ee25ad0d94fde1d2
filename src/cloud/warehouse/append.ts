/**
 * Appends staged rows to a table, once: data, changes of the table and the position of who wrote them are one
 * transaction, so that what is repeated after a crash finds its position there and adds nothing.
 */
import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import type { TableField } from '../../formats/table-schema.ts';
import { identifier, literal, type SessionSettings, withDatabases } from './duckdb.ts';
import { datasetFile, type TableName, wordTable } from './names.ts';
import {
  alterTable,
  createTable,
  describeTable,
  INGESTION_COLUMN,
  placeName,
  type TableOptions,
  type TablePlace,
} from './tables.ts';
import { importExpression, jsonType } from './types.ts';

export interface Append {
  table: TableName;
  /** The fields of the staged rows. */
  fields: readonly TableField[];
  /** Rows as lines of JSON; absent: there are none, but the table is to be there. */
  rows?: { path: string; longestLine: number };
  position: Position;
  create: boolean;
  /** What a job does with the rows that were there before it. */
  disposition: 'append' | 'truncate' | 'empty';
  options: TableOptions;
  /** The fields of a table that has others and those of the rows; absent: the table stays as it is. */
  reconcile?(table: readonly TableField[], rows: readonly TableField[]): TableField[];
}

/** Who writes, and how far it has come. */
export interface Position {
  job: string;
  stage: string;
  worker: number;
  checkpoint: number;
}

const DATABASE = 'warehouse';
const MIN_OBJECT_BYTES = 1 << 20;
/** A job rather waits for a long query than fails. */
const WAIT_MS = 600_000;

/** Gives the fields that the table then has. */
export async function appendOnce(
  append: Append,
  config: Config,
  settings: SessionSettings,
): Promise<TableField[]> {
  const file = datasetFile(append.table, config);
  const attached = [{ file, as: DATABASE, readOnly: false }];
  return withDatabases(attached, { waitMs: WAIT_MS, ...settings }, async connection => {
    await connection.run('BEGIN');
    const fields = await applyOnce(connection, append);
    await connection.run('COMMIT');
    return fields;
  });
}

async function applyOnce(connection: DuckDBConnection, append: Append): Promise<TableField[]> {
  const place: TablePlace = { database: DATABASE, table: append.table.table };
  await connection.run(`CREATE SCHEMA IF NOT EXISTS ${DATABASE}.sluice`);
  await connection.run(
    `CREATE TABLE IF NOT EXISTS ${POSITIONS} (job VARCHAR, stage VARCHAR, worker INTEGER, checkpoint BIGINT)`,
  );
  const before = await positionsOf(connection, append.position);
  const isDone = before.some(
    each => each.worker === append.position.worker && each.checkpoint >= append.position.checkpoint,
  );
  const known = await describeTable(connection, place);
  if (isDone) return known ?? [...append.fields];
  // The first worker of the job to come makes room for all.
  if (before.length === 0 && known) await makeRoom(connection, place, append);
  const isNew = !known || (before.length === 0 && append.disposition === 'truncate');
  if (isNew && !known && !append.create)
    throw new SluiceError('TABLE_NOT_FOUND', `there is no table ${wordTable(append.table)} any more`);
  if (isNew) await createTable(connection, place, append.fields, append.options);
  const table = isNew ? [...append.fields] : await reconcileTable(connection, place, known, append);
  if (append.rows && !existsSync(append.rows.path))
    throw new SluiceError(
      'CHECKPOINT_UNUSABLE',
      `${append.rows.path} is gone, and its rows are not in the table`,
    );
  if (append.rows) await insertRows(connection, place, append, append.rows);
  await savePosition(connection, append.position);
  return table;
}

const POSITIONS = `${DATABASE}.sluice.positions`;

async function makeRoom(connection: DuckDBConnection, place: TablePlace, append: Append): Promise<void> {
  if (append.disposition === 'truncate') await connection.run(`DROP TABLE ${placeName(place)}`);
  if (append.disposition !== 'empty') return;
  const found = await connection.runAndReadAll(`SELECT 1 FROM ${placeName(place)} LIMIT 1`);
  if (found.currentRowCount > 0)
    throw new SluiceError(
      'TABLE_NOT_EMPTY',
      `${wordTable(append.table)} is not empty, and WRITE_EMPTY asks for that`,
    );
}

async function reconcileTable(
  connection: DuckDBConnection,
  place: TablePlace,
  known: readonly TableField[],
  { fields, reconcile }: Append,
): Promise<TableField[]> {
  if (!reconcile) return [...known];
  const wanted = reconcile(known, fields);
  await alterTable(connection, place, known, wanted);
  return wanted;
}

async function insertRows(
  connection: DuckDBConnection,
  place: TablePlace,
  { fields, options }: Append,
  { path, longestLine }: { path: string; longestLine: number },
): Promise<void> {
  const columns = fields.map(field => identifier(field.name));
  const values = fields.map(field => importExpression(field, identifier(field.name)));
  const { partitioning } = options;
  if (partitioning && partitioning.field === undefined && (await hasIngestionColumn(connection, place))) {
    columns.push(identifier(INGESTION_COLUMN));
    values.push(`date_trunc(${literal(partitioning.type)}, now())`);
  }
  await connection.run(
    `INSERT INTO ${placeName(place)} (${columns.join(', ')}) SELECT ${values.join(', ')} FROM ${linesOf(path, fields, longestLine)}`,
  );
}

/** Lines of JSON as a table. */
export function linesOf(path: string, fields: readonly TableField[], longestLine: number): string {
  const types = fields.map(field => `${literal(field.name)}: ${literal(jsonType(field))}`);
  return `read_json(${literal(globSafe(path))}, format = 'newline_delimited', columns = {${types.join(', ')}}, maximum_object_size = ${Math.max(MIN_OBJECT_BYTES, longestLine + 16)})`;
}

/** A path that stands for one file, whatever is in its name. */
const globSafe = (path: string): string => path.replace(/[*?[\]]/g, sign => `[${sign}]`);

async function hasIngestionColumn(connection: DuckDBConnection, place: TablePlace): Promise<boolean> {
  const result = await connection.run(`SELECT * FROM ${placeName(place)} LIMIT 0`);
  return result.columnNames().includes(INGESTION_COLUMN);
}

/** How far the workers of the job have come with this stage. */
async function positionsOf(
  connection: DuckDBConnection,
  { job, stage }: Position,
): Promise<{ worker: number; checkpoint: number }[]> {
  const found = await connection.runAndReadAll(
    `SELECT worker, checkpoint FROM ${POSITIONS} WHERE job = $job AND stage = $stage`,
    { job, stage },
  );
  return found
    .getRows()
    .map(([worker, checkpoint]) => ({ worker: Number(worker), checkpoint: Number(checkpoint) }));
}

async function savePosition(connection: DuckDBConnection, position: Position): Promise<void> {
  const { checkpoint, ...who } = position;
  await connection.run(
    `DELETE FROM ${POSITIONS} WHERE job = $job AND stage = $stage AND worker = $worker`,
    who,
  );
  await connection.run(`INSERT INTO ${POSITIONS} VALUES ($job, $stage, $worker, ${checkpoint})`, who);
}
