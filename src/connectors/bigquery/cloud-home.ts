/** Tables of BigQuery itself, or of an emulator. */
import type { TableName } from '../../cloud/warehouse/names.ts';
import type { StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { type BigQueryConnection, connectBigQuery } from './client.ts';
import { fieldsOf } from './cloud-table.ts';
import { openInsertSink } from './insert-sink.ts';
import { loadPublisher } from './load-publisher.ts';
import { runQuery } from './query-source.ts';
import { hasStorage } from './storage-client.ts';
import { streamPublisher } from './stream-publisher.ts';
import type { TableHome, Target } from './table-home.ts';
import { openTableSink } from './table-sink.ts';

export const methods = ['DEFAULT', 'FILE_LOADS', 'STORAGE_WRITE_API', 'STREAMING_INSERTS'] as const;

type Method = (typeof methods)[number];

export async function cloudHome(method: Method = 'DEFAULT', context: StageContext): Promise<TableHome> {
  const connection = await connectBigQuery(context.config);
  return {
    named: table => connection.named(table),
    async existing(table) {
      const found = await connection.table(table);
      if (!found) await connection.dataset(table);
      return found && { fields: fieldsOf(found.schema?.fields), rows: await countRows(connection, table) };
    },
    open: target => openSink(connection, method, target, context),
  };
}

async function openSink(
  connection: BigQueryConnection,
  asked: Method,
  target: Target,
  context: StageContext,
) {
  const method = asked === 'DEFAULT' ? bestMethod(connection, target, context) : asked;
  if (target.evolve && method !== 'FILE_LOADS')
    throw new SluiceError(
      'PIPELINE_INVALID',
      `${context.stage}: with schema_update: evolve the method must be FILE_LOADS, not ${method}`,
    );
  if (method !== 'FILE_LOADS' && target.disposition === 'truncate')
    throw new SluiceError('PIPELINE_INVALID', `${context.stage}: ${method} cannot WRITE_TRUNCATE`);
  if (method === 'STREAMING_INSERTS') return openInsertSink(connection, target, context);
  if (method === 'FILE_LOADS')
    return openTableSink(target, loadPublisher(connection, target, context), context);
  if (!hasStorage(context.config))
    throw new SluiceError(
      'USAGE',
      `${context.stage}: STORAGE_WRITE_API needs BIGQUERY_STORAGE_GRPC_ENDPOINT, where the emulator's Storage API listens`,
    );
  return openTableSink(target, await streamPublisher(connection, target, context), context);
}

/** An emulator forgets the offsets of its streams, so that rows could be there twice. */
const bestMethod = (
  { emulated }: BigQueryConnection,
  { evolve }: Target,
  { streaming }: StageContext,
): Method => (streaming && !evolve && !emulated ? 'STORAGE_WRITE_API' : 'FILE_LOADS');

async function countRows(connection: BigQueryConnection, table: TableName): Promise<number> {
  const sql = `SELECT COUNT(*) FROM \`${table.project}.${table.dataset}.${table.table}\``;
  const { jobReference } = await runQuery(connection, sql);
  const { rows } = await connection.page(jobReference?.jobId ?? '', jobReference?.location, 0, 1);
  return Number(rows?.[0]?.f[0]?.v ?? 0);
}
