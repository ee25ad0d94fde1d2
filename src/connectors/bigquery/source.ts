/** `ReadFromBigQuery`: a table or the result of a query. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTableName, type TableName, wordTable } from '../../cloud/warehouse/names.ts';
import { selectOf, selectToFile } from '../../cloud/warehouse/select.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { readLines } from '../../formats/read-lines.ts';
import { connectBigQuery, isCloud } from './client.ts';
import { openQuerySource, runQuery } from './query-source.ts';
import { hasStorage } from './storage-client.ts';
import { openStorageSource } from './storage-source.ts';

const config = {
  type: 'object',
  additionalProperties: false,
  oneOf: [{ required: ['table'] }, { required: ['query'] }],
  properties: {
    table: {
      type: 'string',
      minLength: 1,
      description: 'The table to read: `project:dataset.table` or `dataset.table`.',
    },
    query: {
      type: 'string',
      minLength: 1,
      description:
        'A SELECT over tables named `dataset.table`: in the dialect of DuckDB or, in BigQuery itself, in GoogleSQL.',
    },
    fields: {
      anyOf: [
        { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
        { type: 'string', minLength: 1 },
      ],
      description: 'With `table`: the columns to read, a list or one text with commas. Default: all.',
    },
    row_restriction: {
      type: 'string',
      minLength: 1,
      description: 'With `table`: a condition of SQL that the rows meet.',
    },
  },
  dependentSchemas: {
    fields: { required: ['table'] },
    row_restriction: { required: ['table'] },
  },
} as const;

export const readFromBigQuery = defineSource({
  name: 'ReadFromBigQuery',
  system: 'BigQuery',
  summary:
    'Reads a table, or the result of a query: of BigQuery, or of the local warehouse that stands for it.',
  description:
    'Rows have exact integers, timestamps in RFC 3339, bytes in base64, and NUMERIC as text. A result of the local ' +
    'warehouse is copied to a file of the job first: rows have an order there, so a restart goes on where it was, ' +
    'whatever happens to the table; and the table is free for others while the job runs. With credentials of Google ' +
    'the Storage Read API reads, in up to four streams whose offsets are in the checkpoint; of an emulator whose ' +
    'Storage API is not named, pages of a query. With several workers, the first one reads.',
  config,
  examples: [
    {
      title: 'Some columns of some rows',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromBigQuery
      config: {table: shop.orders, fields: [id, total], row_restriction: total > 100}
    - type: WriteToJson
      config: {path: gs://bucket/out/orders}
`,
    },
    {
      title: 'A query',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromBigQuery
      config: {query: 'SELECT country, count(*) AS orders FROM shop.orders GROUP BY country'}
    - type: WriteToJson
      config: {path: gs://bucket/out/countries}
`,
    },
  ],
  output: () => ({ form: 'row' }),
  reach: ({ table, query }) => ({ tables: [table], queries: [query] }),
  open({ fields: given, ...rest }, context) {
    const fields = typeof given === 'string' ? given.split(',').map(name => name.trim()) : given;
    if (isCloud(context.config)) return openCloud({ ...rest, ...(fields && { fields }) }, context);
    const { table, query, row_restriction: restriction } = rest;
    return openResult(query ?? selectOf(parseTableName(table ?? ''), fields, restriction), context);
  },
});

interface Settings {
  table?: string;
  query?: string;
  fields?: readonly string[];
  row_restriction?: string;
}

async function openCloud(settings: Settings, context: StageContext): Promise<Source> {
  const { query, fields, row_restriction: restriction } = settings;
  const connection = await connectBigQuery(context.config);
  const { emulated, project } = connection;
  const isStored = hasStorage(context.config);
  if (query !== undefined) {
    if (!isStored) return openQuerySource(connection, query, context);
    return openStorageSource({ table: () => resultOf(query), emulated }, project, context);
  }
  const table = connection.named(parseTableName(settings.table ?? ''));
  if (!(await connection.table(table)))
    throw new SluiceError('TABLE_NOT_FOUND', `there is no table ${wordTable(table)}`);
  if (!isStored) return openQuerySource(connection, selectFrom(table, fields, restriction), context);
  const read = {
    table: async () => table,
    emulated,
    ...(fields && { fields }),
    ...(restriction !== undefined && { restriction }),
  };
  return openStorageSource(read, project, context);

  async function resultOf(sql: string): Promise<TableName> {
    const { configuration } = await runQuery(connection, sql);
    const {
      projectId = project,
      datasetId = '',
      tableId = '',
    } = configuration?.query?.destinationTable ?? {};
    return { project: projectId, dataset: datasetId, table: tableId };
  }
}

/** In GoogleSQL. */
function selectFrom(table: TableName, fields: readonly string[] | undefined, restriction?: string): string {
  const quoted = (name: string) => `\`${name.replace(/[`\\]/g, '\\$&')}\``;
  const from = quoted(`${table.project}.${table.dataset}.${table.table}`);
  // On a line of its own: the condition may end in a comment.
  const where = restriction === undefined ? '' : ` WHERE (${restriction}\n)`;
  return `SELECT ${fields ? fields.map(quoted).join(', ') : '*'} FROM ${from}${where}`;
}

interface Position {
  offset: number;
  size: number;
}

async function openResult(sql: string, context: StageContext): Promise<Source> {
  const restored = context.restored as unknown as Position | undefined;
  const folder = await makeStageFolder(context);
  const path = join(folder, 'result.ndjson');
  const size = restored ? await sizeOf(path, restored.size) : await copy(sql, path, folder, context);
  const reader = await readLines(path, restored?.offset ?? 0, size);
  const origin = `${context.keptAs.jobId}/${context.keptAs.stage}`;
  return {
    async read() {
      const { offset } = reader;
      const lines = await reader.next();
      return lines ? { ...lines, origin: { path: origin, offset } } : 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json => ({ offset: reader.offset, size }),
    async close(ended) {
      await reader.close();
      if (ended) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The result in a file that a crash of the machine leaves whole; gives its length. */
async function copy(sql: string, path: string, folder: string, context: StageContext): Promise<number> {
  await rm(path, { force: true });
  if (context.worker.index > 0) return 0;
  await selectToFile(sql, path, context.config, {
    spillDirectory: join(folder, 'spill'),
    onWait: file => context.report('WARNING', `waiting for ${file}, which another process uses`),
  });
  const file = await open(path, 'r');
  try {
    await file.sync();
    await syncDirectory(folder);
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string, size: number): Promise<number> {
  if (size === 0) return 0;
  const file = await open(path, 'r').catch(() => undefined);
  const found = (await file?.stat())?.size;
  await file?.close();
  if (found === size) return size;
  throw new SluiceError(
    'CHECKPOINT_UNUSABLE',
    `${path} no longer holds the ${size} bytes the checkpoint knows of`,
  );
}
