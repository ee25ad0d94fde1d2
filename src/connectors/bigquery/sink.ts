/** `WriteToBigQuery`: rows into a table of BigQuery, or of the local warehouse. */

import { readTextFile } from '../../cloud/storage.ts';
import { parseTableName, type TableName, wordTable } from '../../cloud/warehouse/names.ts';
import type { TableOptions } from '../../cloud/warehouse/tables.ts';
import { defineSink, type StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { parseTableSchema, readTableSchema, type TableField } from '../../formats/table-schema.ts';
import { isCloud } from './client.ts';
import { cloudHome, methods } from './cloud-home.ts';
import { warehouseHome } from './warehouse-home.ts';

const config = {
  type: 'object',
  required: ['table'],
  additionalProperties: false,
  properties: {
    table: {
      type: 'string',
      minLength: 1,
      description: '`project:dataset.table`, `project.dataset.table` or `dataset.table`.',
    },
    create_disposition: {
      enum: ['CREATE_IF_NEEDED', 'CREATE_NEVER'],
      default: 'CREATE_IF_NEEDED',
      description: 'Whether a table that is not there is made.',
    },
    write_disposition: {
      enum: ['WRITE_APPEND', 'WRITE_EMPTY', 'WRITE_TRUNCATE'],
      default: 'WRITE_APPEND',
      description:
        'Append; refuse a table with rows; or (batch jobs) replace what is there when the job ends.',
    },
    schema: {
      anyOf: [{ type: 'string', minLength: 1 }, { type: 'object' }, { type: 'array' }],
      description:
        "BigQuery's JSON schema, or the path of a file that holds it. Default: that of the table or, for a new one, what the first rows tell.",
    },
    schema_update: {
      enum: ['none', 'evolve'],
      default: 'none',
      description: '`evolve`: new fields become nullable columns, and types widen, while the job runs.',
    },
    partitioning: {
      type: 'object',
      additionalProperties: false,
      properties: {
        field: { type: 'string', minLength: 1 },
        type: { enum: ['DAY', 'HOUR'], default: 'DAY' },
      },
      description:
        'How a new table is partitioned: by a `field` of type DATE, TIMESTAMP or DATETIME or, without one, by the time a row comes in, which the column `_PARTITIONTIME` tells.',
    },
    clustering: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      maxItems: 4,
      description: 'Fields to cluster by: in the local warehouse kept with the table, of no effect.',
    },
    method: {
      enum: methods,
      default: 'DEFAULT',
      description:
        'How rows come to BigQuery itself; the local warehouse has one way. `FILE_LOADS`: a load job for what was ' +
        'collected, in a stream every 90 s (BigQuery takes 1,500 a day and table). `STORAGE_WRITE_API`: appended at ' +
        'each checkpoint, at offsets that the checkpoint knows. Both write each row once. `STREAMING_INSERTS`: sent ' +
        'at once, and what BigQuery refuses of it fails with its reason; after a restart rows may be there twice. ' +
        'Default: load jobs in a batch job, with `schema_update: evolve`, and on an emulator; else the Storage Write API.',
    },
    triggering_frequency: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400,
      description:
        'For how many seconds a stream collects rows before they are written; default: from one checkpoint to the next, load jobs 90.',
    },
    num_streams: {
      type: 'integer',
      minimum: 0,
      description: 'Has no effect, which is said: each worker writes to one stream of its own.',
    },
  },
} as const;

export const writeToBigQuery = defineSink({
  name: 'WriteToBigQuery',
  system: 'BigQuery',
  once: true,
  summary: 'Writes rows to a table: of BigQuery, or of the local warehouse that stands for it.',
  description:
    'Values are converted as BigQuery does on insert. A row that does not fit fails, with the field, the type and the ' +
    'value in its message; the others are written. Rows are staged on disk and appended with the position of the job ' +
    'in one transaction: each is there exactly once, across any number of restarts. A batch job appends when it ends, ' +
    'so that a failed one leaves nothing; a stream at each checkpoint, and the table is free for readers in between. ' +
    'With `BIGQUERY_EMULATOR_HOST` or credentials of Google, tables are those of BigQuery, whose datasets must be there.',
  config,
  examples: [
    {
      title: 'Rows into a table that is made for them',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: Create\n      config: {elements: [{name: Ada, born: 1815}]}\n    - type: WriteToBigQuery\n      config: {table: people.pioneers}\n',
    },
    {
      title: 'A stream whose rows change; what does not fit becomes a dead letter in a table of its own',
      yaml: `pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {topic: projects/local/topics/orders}
    - type: ParseJson
      config: {error_handling: {output: errors}}
    - type: WriteToBigQuery
      name: Write
      config: {table: shop.orders, schema_update: evolve, error_handling: {output: errors}}
  extra_transforms:
    - type: EncodeDeadLetters
      input: [ParseJson.errors, Write.errors]
      config: {format: bigquery}
    - type: WriteToBigQuery
      name: WriteErrors
      input: EncodeDeadLetters
      config: {table: shop.orders_error_records}
`,
    },
  ],
  accept(input) {
    if (input.form !== 'failure') return;
    throw new SluiceError(
      'PIPELINE_INVALID',
      'WriteToBigQuery takes no failed elements: put EncodeDeadLetters before it',
    );
  },
  beside: settings => ({ ...settings, write_disposition: 'WRITE_APPEND' as const }),
  reach: ({ table, schema }) => ({
    tables: [table],
    reads: [typeof schema === 'string' ? schema : undefined],
  }),
  async open(settings, context) {
    const {
      create_disposition: create = 'CREATE_IF_NEEDED',
      write_disposition: write = 'WRITE_APPEND',
      schema_update: update = 'none',
      clustering,
    } = settings;
    if (write === 'WRITE_TRUNCATE' && context.streaming)
      throw new SluiceError(
        'PIPELINE_INVALID',
        `${context.stage}: a stream does not end, so it cannot WRITE_TRUNCATE`,
      );
    if (settings.num_streams)
      context.report(
        'WARNING',
        `${context.stage}: num_streams has no effect: each worker writes to one stream of its own`,
      );
    const home = isCloud(context.config) ? await cloudHome(settings.method, context) : warehouseHome(context);
    const table = home.named(parseTableName(settings.table));
    const known = await home.existing(table);
    if (!known && create === 'CREATE_NEVER')
      throw new SluiceError(
        'TABLE_NOT_FOUND',
        `there is no table ${wordTable(table)}, and CREATE_NEVER forbids to make it`,
      );
    if (known && known.rows > 0 && write === 'WRITE_EMPTY' && context.restored === undefined)
      throw new SluiceError(
        'TABLE_NOT_EMPTY',
        `${wordTable(table)} has ${known.rows} rows, and WRITE_EMPTY asks for none`,
      );
    const given = await readSchema(settings.schema, context);
    const existing = write === 'WRITE_TRUNCATE' && given ? undefined : known?.fields;
    if (existing && given && update === 'none') tellDifference(table, existing, given, context);
    const options: TableOptions = {
      ...(settings.partitioning && {
        partitioning: partitioningOf(settings.partitioning, existing ?? given),
      }),
      ...(clustering && { clustering }),
    };
    return home.open({
      table,
      ...(given && { given }),
      ...(existing && { existing }),
      evolve: update === 'evolve',
      create: create === 'CREATE_IF_NEEDED',
      disposition: ({ WRITE_APPEND: 'append', WRITE_EMPTY: 'empty', WRITE_TRUNCATE: 'truncate' } as const)[
        write
      ],
      options,
      ...(settings.triggering_frequency !== undefined && {
        intervalMs: settings.triggering_frequency * 1000,
      }),
    });
  },
});

async function readSchema(
  schema: unknown,
  { config, stage }: StageContext,
): Promise<TableField[] | undefined> {
  if (schema === undefined) return undefined;
  if (typeof schema !== 'string') return readTableSchema(schema, `${stage}: the schema`);
  // What looks like JSON is the schema itself.
  if (/^\s*[[{]/.test(schema)) return parseTableSchema(schema, `${stage}: the schema`);
  return parseTableSchema(await readTextFile(schema, 'the schema', config), `the schema ${schema}`);
}

function tellDifference(
  table: TableName,
  existing: readonly TableField[],
  given: readonly TableField[],
  { report }: StageContext,
): void {
  const known = new Map(existing.map(field => [field.name.toLowerCase(), field]));
  const differs = given.find(field => {
    const column = known.get(field.name.toLowerCase());
    return column?.type !== field.type || (column.mode === 'REPEATED') !== (field.mode === 'REPEATED');
  });
  if (!differs) return;
  const column = known.get(differs.name.toLowerCase());
  report(
    'WARNING',
    `${wordTable(table)} is there with a schema of its own, which counts: it has ${column ? `${column.name} ${column.type}` : 'no'} where the schema given has ${differs.name} ${differs.type}`,
  );
}

const PARTITIONABLE = ['DATE', 'TIMESTAMP', 'DATETIME'];

function partitioningOf(
  { field, type }: { field?: string; type?: 'DAY' | 'HOUR' },
  fields: readonly TableField[] | undefined,
): TableOptions['partitioning'] {
  if (field === undefined) return { type: type ?? 'DAY' };
  const column = fields?.find(({ name }) => name.toLowerCase() === field.toLowerCase());
  if (fields && !(column && PARTITIONABLE.includes(column.type) && column.mode !== 'REPEATED'))
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `the table cannot be partitioned by ${field}: that takes a field of type ${PARTITIONABLE.join(', ')} in the schema`,
    );
  return { type: type ?? 'DAY', field };
}
