/** A table of BigQuery: its fields, making it, and widening it. */
import { type TableName, wordTable } from '../../cloud/warehouse/names.ts';
import { SluiceError } from '../../errors.ts';
import { readTableSchema, type TableField } from '../../formats/table-schema.ts';
import type { BigQueryConnection, RestField, TableResource } from './client.ts';
import { runQuery } from './query-source.ts';
import { PATIENT } from './retry.ts';
import type { Target } from './table-home.ts';
import { reconcileFields } from './table-writer.ts';

/** The fields of a table; what Sluice has no type for is taken for text, which BigQuery converts. */
export function fieldsOf(fields: readonly RestField[] = []): TableField[] {
  return fields.length === 0 ? [] : readTableSchema(fields.map(known), 'the schema of the table');
}

function known(field: RestField): RestField {
  const type = ['GEOGRAPHY', 'INTERVAL', 'RANGE'].includes(field.type) ? 'STRING' : field.type;
  return { ...field, type, ...(field.fields && { fields: field.fields.map(known) }) };
}

/** As the REST interface writes them. */
export function restFields(fields: readonly TableField[]): RestField[] {
  return fields.map(({ name, type, mode, fields: own }) => ({
    name,
    type,
    mode,
    ...(own.length > 0 && { fields: restFields(own) }),
  }));
}

/** Makes the table, or widens it where the job may; gives its fields. */
export async function readyTable(
  connection: BigQueryConnection,
  { table, create, evolve, options }: Target,
  fields: readonly TableField[],
): Promise<{ fields: readonly TableField[]; location?: string }> {
  const found = await connection.table(table, PATIENT);
  if (!found) return { fields, ...(await makeTable()) };
  const { location } = found;
  const before = fieldsOf(found.schema?.fields);
  const wanted = evolve ? reconcileFields(before, fields) : before;
  if (evolve) await changeTable(connection, table, found, before, wanted);
  return { fields: wanted, ...(location !== undefined && { location }) };

  async function makeTable() {
    if (!create) throw new SluiceError('TABLE_NOT_FOUND', `there is no table ${wordTable(table)} any more`);
    const { partitioning, clustering } = options;
    const { location } = await connection.dataset(table);
    await connection.createTable(table, {
      schema: { fields: restFields(fields) },
      ...(partitioning && { timePartitioning: partitioning }),
      ...(clustering && { clustering: { fields: clustering } }),
    });
    return location === undefined ? {} : { location };
  }
}

async function changeTable(
  connection: BigQueryConnection,
  table: TableName,
  found: TableResource,
  before: readonly TableField[],
  wanted: readonly TableField[],
): Promise<void> {
  const own = found.schema?.fields ?? [];
  const { project, dataset, table: id } = table;
  for (const [i, field] of before.entries()) {
    const type = wanted[i]?.type;
    if (type === undefined || type === field.type) continue;
    const statement = `ALTER TABLE \`${project}.${dataset}.${id}\` ALTER COLUMN \`${field.name}\` SET DATA TYPE ${SQL_TYPES[type] ?? type}`;
    await runQuery(connection, statement);
  }
  const added = restFields(wanted.slice(before.length));
  const nested = own.map((field, i) => withNested(field, wanted[i]));
  const isSame = added.length === 0 && JSON.stringify(nested) === JSON.stringify(own);
  if (!isSame) await connection.changeTable(table, { schema: { fields: [...nested, ...added] } });
}

/** A field as it is, with the type it has now and the fields that were added to it. */
function withNested(field: RestField, wanted: TableField | undefined): RestField {
  if (!wanted || !field.fields)
    return wanted && SQL_TYPES[wanted.type] ? { ...field, type: field.type } : field;
  const own = field.fields;
  const nested = own.map((each, i) => withNested(each, wanted.fields[i]));
  return { ...field, fields: [...nested, ...restFields(wanted.fields.slice(own.length))] };
}

/** What statements call the types that a column may be widened to. */
const SQL_TYPES: Readonly<Record<string, string>> = {
  FLOAT: 'FLOAT64',
  NUMERIC: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  DATETIME: 'DATETIME',
  TIMESTAMP: 'TIMESTAMP',
  STRING: 'STRING',
};
