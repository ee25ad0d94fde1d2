/** Tables of the local warehouse: each segment is appended in one transaction with the position of the job. */
import { join } from 'node:path';
import { appendOnce } from '../../cloud/warehouse/append.ts';
import { databaseExists, withDatabases } from '../../cloud/warehouse/duckdb.ts';
import { datasetFile } from '../../cloud/warehouse/names.ts';
import { describeTable } from '../../cloud/warehouse/tables.ts';
import type { StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import type { TableHome, Target } from './table-home.ts';
import { openTableSink, type Publisher } from './table-sink.ts';
import { reconcileFields } from './table-writer.ts';

const DATABASE = 'warehouse';

export function warehouseHome(context: StageContext): TableHome {
  return {
    named: table => table,
    async existing(table) {
      const file = datasetFile(table, context.config);
      // Loading DuckDB now tells at once when it is not installed.
      const attached = databaseExists(file) ? [{ file, as: DATABASE, readOnly: true }] : [];
      return withDatabases(attached, {}, async connection => {
        if (attached.length === 0) return undefined;
        const fields = await describeTable(connection, { database: DATABASE, table: table.table });
        if (!fields) return undefined;
        const found = await connection.runAndReadAll(
          `SELECT estimated_size FROM duckdb_tables() WHERE database_name = '${DATABASE}' AND schema_name = 'main' AND table_name = $table`,
          { table: table.table },
        );
        return { fields, rows: Number(found.getRows()[0]?.[0] ?? 0) };
      });
    },
    open: async target => openTableSink(target, await warehousePublisher(target, context), context),
  };
}

async function warehousePublisher(
  { table, evolve, create, disposition, options }: Target,
  { config, keptAs, jobDirectory, worker, report }: StageContext,
): Promise<Publisher> {
  const spillDirectory = join(await makeStageFolder({ jobDirectory, keptAs }), 'spill');
  return {
    publish: ({ number, path, length, longestLine, fields }) =>
      appendOnce(
        {
          table,
          fields,
          ...(length > 0 && { rows: { path, longestLine } }),
          position: { job: keptAs.jobId, stage: keptAs.stage, worker: worker.index, checkpoint: number },
          create,
          disposition,
          options,
          ...(evolve && { reconcile: reconcileFields }),
        },
        config,
        {
          spillDirectory,
          onWait: file => report('WARNING', `waiting for ${file}, which another process uses`),
        },
      ),
  };
}
