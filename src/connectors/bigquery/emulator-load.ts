/**
 * Loads a segment into an emulator. It has the id of a load job before its rows, and calls the job done whatever became
 * of them; but a query and its id are one transaction there. So the rows go to a table of their own first.
 */
import { randomUUID } from 'node:crypto';
import { type TableName, wordTable } from '../../cloud/warehouse/names.ts';
import { SluiceError } from '../../errors.ts';
import type { BigQueryConnection } from './client.ts';
import { restFields } from './cloud-table.ts';
import { runQuery } from './query-source.ts';
import { codeOf, messageOf, retrying } from './retry.ts';
import type { Segment } from './table-sink.ts';

/** @param jobId tells the segment: what was loaded under it is not loaded again */
export async function loadIntoEmulator(
  connection: BigQueryConnection,
  table: TableName,
  { path, fields: segmentFields }: Segment,
  jobId: string,
): Promise<void> {
  if (await connection.job(connection.project, jobId)) return;
  const staged = { ...table, table: `${table.table}_${jobId}`.replaceAll('-', '_') };
  const fields = restFields(segmentFields);
  await connection.createTable(staged, { schema: { fields } });
  await retrying(() => {
    const load = { jobId: `sluice_${randomUUID()}`, fields, writeDisposition: 'WRITE_TRUNCATE' };
    return connection.sendLoad(staged, path, load).catch(error => {
      if (typeof codeOf(error) !== 'number') throw error;
      throw new SluiceError('BIGQUERY_REFUSED', `${wordTable(table)} takes no load: ${messageOf(error)}`);
    });
  });
  const columns = segmentFields.map(({ name }) => `\`${name}\``).join(', ');
  const nameOf = ({ project, dataset, table: id }: TableName) => `\`${project}.${dataset}.${id}\``;
  await runQuery(
    connection,
    `INSERT INTO ${nameOf(table)} (${columns}) SELECT ${columns} FROM ${nameOf(staged)}`,
    jobId,
  );
  await connection.deleteTable(staged);
}
