/** `ReadFromPostgres`, `ReadFromMySql`, `ReadFromJdbc`: a table or the result of a query. */
import { readTextFile } from '../../cloud/storage.ts';
import {
  defineSource,
  type Source,
  type SourceComponent,
  type StageContext,
} from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import type { Dialect } from './address.ts';
import { agreeOnce } from './agree.ts';
import { type ConnectionSettings, connectionProperties, connectTo, databaseOf, naming } from './database.ts';
import { parseTable, quoteTable, requireDistinct } from './names.ts';
import { type Partitioning, partitionConditions } from './partitions.ts';
import { stagedRows } from './staged-rows.ts';
import { certificatePaths } from './tls.ts';

const config = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  oneOf: [{ required: ['table'] }, { required: ['query'] }],
  properties: {
    ...connectionProperties,
    table: {
      type: 'string',
      minLength: 1,
      description: 'The table to read: `table` or `schema.table`, in quotes where case counts.',
    },
    query: {
      type: 'string',
      minLength: 1,
      description: 'A SELECT whose result is read, or the `gs://` or `s3://` path of a file that holds it.',
    },
    partition_column: {
      type: 'string',
      minLength: 1,
      description:
        'A column of integers, decimals or times, by whose values the table is read in parts: the workers of a job share them. Without one, the first worker reads everything.',
    },
    partitions: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      description: 'How many parts. Default: one for each worker.',
    },
    lower_bound: {
      type: 'string',
      minLength: 1,
      description: 'Rows with less in the partition column are not read. Default: all are.',
    },
    upper_bound: {
      type: 'string',
      minLength: 1,
      description: 'Rows with more in the partition column are not read. Default: all are.',
    },
    fetch_size: {
      type: 'integer',
      minimum: 0,
      description: "Accepted for the sake of Beam's users, and not used: rows are streamed.",
    },
    output_parallelization: {
      type: 'boolean',
      description: "Accepted for the sake of Beam's users, and not used.",
    },
    disable_auto_commit: {
      type: 'boolean',
      description:
        "Accepted for the sake of Beam's users: rows are read in one transaction that writes nothing.",
    },
  },
  dependentSchemas: {
    partitions: { required: ['partition_column'] },
    lower_bound: { required: ['partition_column'] },
    upper_bound: { required: ['partition_column'] },
  },
} as const;

export const readFromPostgres = reader('ReadFromPostgres', 'postgres', 'PostgreSQL', 'postgresql');
export const readFromMySql = reader('ReadFromMySql', 'mysql', 'MySQL or MariaDB', 'mysql');
export const readFromJdbc = reader(
  'ReadFromJdbc',
  undefined,
  'a database that a URL of JDBC names: PostgreSQL, MySQL or MariaDB',
  'postgresql',
);

function reader(name: string, dialect: Dialect | undefined, of: string, scheme: string): SourceComponent {
  return defineSource({
    name,
    system: 'Databases',
    summary: `Reads a table, or the result of a query, of ${of}.`,
    description:
      'Rows have exact integers; decimals of more digits than a double holds are text, as are times, ' +
      '`2026-11-20 10:00:00.000000` and with `+00:00` where the column has a zone; bytes are in base64, lists and JSON ' +
      'what they are. Each part of the table, or the whole result, is copied to a file of the job first: rows have an ' +
      'order there, so a restart goes on where it was, whatever happens to the table.',
    config,
    examples: [
      {
        title: 'A table in parts, which several workers share',
        yaml: `pipeline:
  type: chain
  transforms:
    - type: ${name}
      config:
        url: jdbc:${scheme}://db.example.com/shop
        username: reader
        password: secret://env/DB_PASSWORD
        table: orders
        partition_column: id
        partitions: 16
    - type: WriteToJson
      config: {path: gs://bucket/out/orders}
`,
      },
    ],
    output: () => ({ form: 'row' }),
    reach: settings => ({
      network: true,
      reads: [...certificatePaths(settings), isCloudPath(settings.query ?? '') ? settings.query : undefined],
    }),
    async open({ table, query, partition_column: column, ...settings }, context) {
      const {
        partitions = Math.max(1, context.worker.count),
        lower_bound: lower,
        upper_bound: upper,
      } = settings;
      return openQuery(
        {
          ...settings,
          dialect,
          name,
          ...(table !== undefined && { table }),
          ...(query !== undefined && { query }),
        },
        column === undefined
          ? undefined
          : {
              column,
              partitions,
              ...(lower !== undefined && { lower }),
              ...(upper !== undefined && { upper }),
            },
        context,
      );
    },
  });
}

interface ReadSettings extends ConnectionSettings {
  name: string;
  dialect: Dialect | undefined;
  table?: string;
  query?: string;
}

async function openQuery(
  settings: ReadSettings,
  partitioning: Partitioning | undefined,
  context: StageContext,
): Promise<Source> {
  const database = databaseOf(settings, context);
  const { address } = database;
  if (settings.dialect && settings.dialect !== address.dialect)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${settings.name} reads no ${address.dialect === 'mysql' ? 'MySQL' : 'PostgreSQL'}: use ReadFromJdbc, or another URL`,
    );
  const { dialect } = address;
  const query =
    settings.table === undefined
      ? (await queryText(settings.query ?? '', context)).trim().replace(/;\s*$/, '')
      : `SELECT * FROM ${quoteTable(parseTable(settings.table, dialect), dialect)}`;
  const from = `(\n${query}\n) AS q`;
  const find = async (): Promise<string[]> => {
    const connection = await connectTo(database, context.restored !== undefined);
    try {
      return await naming(address, async () => {
        requireDistinct(await connection.describe(query));
        return partitioning ? partitionConditions(connection, dialect, from, partitioning) : [''];
      });
    } finally {
      await connection.close();
    }
  };
  const { index, count } = context.worker;
  return stagedRows(
    database,
    async () => {
      const conditions = await agreeOnce(context, find);
      const mine = conditions.filter((_, i) => i % count === index);
      return mine.map(condition => (condition === '' ? query : `SELECT * FROM ${from} WHERE ${condition}`));
    },
    context,
  );
}

const queryText = async (query: string, { config }: StageContext): Promise<string> =>
  isCloudPath(query) ? readTextFile(query, 'the query', config) : query;

const isCloudPath = (query: string): boolean => /^(?:gs|s3):\/\//.test(query);
