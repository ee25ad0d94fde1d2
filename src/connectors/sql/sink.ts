/** `WriteToPostgres`, `WriteToMySql`, `WriteToJdbc`: rows into a table, or into a statement of the user's. */
import { defineSink, type Sink, type SinkComponent, type StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { type Dialect, wordAddress } from './address.ts';
import { describeTable, findTable, type Table } from './columns.ts';
import type { SqlConnection } from './connection.ts';
import { checkTable, copyWriter, type OnConflict } from './copy-writer.ts';
import { type ConnectionSettings, connectionProperties, connectTo, databaseOf, naming } from './database.ts';
import { exactlyOnce } from './exactly-once.ts';
import { parseTable } from './names.ts';
import { positionsBeside } from './positions.ts';
import type { RowWriter } from './row-writer.ts';
import { parseStatement } from './statement.ts';
import { insertStatement, insertWriter, statementWriter } from './statement-writer.ts';
import { certificatePaths } from './tls.ts';

const config = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  oneOf: [{ required: ['table'] }, { required: ['statement'] }],
  properties: {
    ...connectionProperties,
    table: {
      type: 'string',
      minLength: 1,
      description:
        'The table to write to, which must be there: `table` or `schema.table`, in quotes where case counts.',
    },
    statement: {
      type: 'string',
      minLength: 1,
      maxLength: 100_000,
      description:
        'A statement to run for each row: `INSERT INTO t (a, b) VALUES (?, lower(?))`, where each `?` is the field called as its column, or any other with `:name` for the fields. A field that the row lacks is NULL.',
    },
    on_conflict: {
      enum: ['refuse', 'ignore', 'update'],
      description:
        'With `table`: a row whose key is there fails (the default), is left out, or replaces the one that is there.',
    },
    key: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
      ],
      description:
        'With `on_conflict`: the columns of a primary key or of a unique one, as a list or separated by commas.',
    },
    batch_size: {
      type: 'integer',
      minimum: 1,
      description: "Accepted for the sake of Beam's users, and not used: rows are written as they come.",
    },
  },
  dependentSchemas: {
    on_conflict: { required: ['table'] },
    key: { required: ['table'] },
  },
} as const;

export const writeToPostgres = writer('WriteToPostgres', 'postgres', 'PostgreSQL', 'postgresql');
export const writeToMySql = writer('WriteToMySql', 'mysql', 'MySQL or MariaDB', 'mysql');
export const writeToJdbc = writer(
  'WriteToJdbc',
  undefined,
  'a database that a URL of JDBC names: PostgreSQL, MySQL or MariaDB',
  'postgresql',
);

function writer(name: string, dialect: Dialect | undefined, of: string, scheme: string): SinkComponent {
  return defineSink({
    name,
    system: 'Databases',
    once: true,
    summary: `Writes rows to a table of ${of}, or into a statement.`,
    description:
      'Rows are written in a transaction that lasts from one checkpoint to the next and holds the position of the job ' +
      'too, in a table `sluice_positions`: each row is there exactly once, across any number of restarts of the job and ' +
      "of the server. A row that the database refuses fails with the database's own reason; the others are written. A " +
      'table that has no transactions (MyISAM) may have rows twice after a crash.',
    config,
    examples: [
      {
        title: 'Rows that replace those of the same key; what the database refuses becomes a dead letter',
        yaml: `pipeline:
  transforms:
    - type: ReadFromJson
      name: Read
      config: {path: gs://bucket/orders/*.ndjson}
    - type: ${name}
      name: Write
      input: Read
      config:
        url: jdbc:${scheme}://db.example.com/shop
        username: writer
        password: secret://env/DB_PASSWORD
        table: orders
        on_conflict: update
        key: [id]
        error_handling: {output: errors}
    - type: EncodeDeadLetters
      input: Write.errors
    - type: WriteToJson
      input: EncodeDeadLetters
      config: {path: gs://bucket/errors/orders}
`,
      },
    ],
    accept(input) {
      if (input.form !== 'failure') return;
      throw new SluiceError(
        'PIPELINE_INVALID',
        `${name} takes no failed elements: put EncodeDeadLetters before it`,
      );
    },
    reach: settings => ({ network: true, reads: certificatePaths(settings) }),
    open: (settings, context) => openSink({ ...settings, name, dialect }, context),
  });
}

interface WriteSettings extends ConnectionSettings {
  name: string;
  dialect: Dialect | undefined;
  table?: string;
  statement?: string;
  on_conflict?: OnConflict;
  key?: string | readonly string[];
}

async function openSink(settings: WriteSettings, context: StageContext): Promise<Sink> {
  const database = databaseOf(settings, context);
  const { address } = database;
  const { dialect } = address;
  if (settings.dialect && settings.dialect !== dialect)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${settings.name} writes to no ${dialect === 'mysql' ? 'MySQL' : 'PostgreSQL'}: use WriteToJdbc, or another URL`,
    );
  const connection = await connectTo(database, context.restored !== undefined);
  try {
    return await naming(address, async () => {
      const { writer, table } =
        settings.statement === undefined
          ? await tableWriter(settings, dialect, connection)
          : await fieldsWriter(settings.statement, dialect, connection);
      const positions = positionsBeside(dialect, table?.schema, context);
      await positions.prepare(connection);
      const where = `${wordAddress(address)}${table ? `: ${table.quoted}` : ''}`;
      return exactlyOnce(database, writer, positions, [where], context);
    });
  } finally {
    await connection.close();
  }
}

async function tableWriter(
  { table: name = '', on_conflict: onConflict = 'refuse', key = [] }: WriteSettings,
  dialect: Dialect,
  connection: SqlConnection,
): Promise<{ writer: RowWriter; table: Table }> {
  const keys = typeof key === 'string' ? key.split(',').map(each => each.trim()) : key;
  const table = await describeTable(connection, dialect, parseTable(name, dialect));
  if (onConflict !== 'refuse' && keys.length === 0)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `on_conflict: ${onConflict} needs key, the columns of a unique key`,
    );
  const stray = keys.find(key => !table.columns.some(column => column.name === key));
  if (stray !== undefined)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${table.quoted} has no column ${stray.slice(0, 100)} for its key`,
    );
  if (dialect === 'mysql')
    return { table, writer: insertWriter(table, insertStatement(table, onConflict, keys)) };
  const copy = { table, onConflict, keys };
  await checkTable(connection, copy);
  return { table, writer: copyWriter(copy) };
}

async function fieldsWriter(
  text: string,
  dialect: Dialect,
  connection: SqlConnection,
): Promise<{ writer: RowWriter; table: Table | undefined }> {
  const statement = parseStatement(text, dialect);
  // A table that is not there is refused when the statement runs; a name may also be that of a view or a synonym.
  const table =
    statement.table === undefined
      ? undefined
      : await findTable(connection, dialect, parseTable(statement.table, dialect));
  return { writer: statementWriter(statement, dialect, table), table };
}
