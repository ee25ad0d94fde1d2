/** A connection to MySQL or MariaDB by `mysql2`. */
import type { Connection, ConnectionOptions, FieldPacket } from 'mysql2';
import type { StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import type { SqlAddress } from './address.ts';
import type { ResultColumn, SqlConnection, SqlResult } from './connection.ts';
import { type ColumnInfo, mysqlLine, typeName } from './mysql-lines.ts';
import { requireDistinct } from './names.ts';
import { firstToConnect, type MysqlTls, mysqlTls } from './tls.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const CHUNK_CHARACTERS = 1 << 18;

/** Nothing is cut to fit, times are in UTC, and a backslash in a text that we quote is one. */
const SESSION = [
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  "SET SESSION time_zone = '+00:00'",
];

export async function openMysql(address: SqlAddress, { config }: StageContext): Promise<SqlConnection> {
  const attempts = await mysqlTls(address.options, config);
  return firstToConnect(attempts, ssl => openClient(address, ssl), isWithoutTls);
}

const isWithoutTls = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'HANDSHAKE_NO_SSL_SUPPORT';

async function openClient(address: SqlAddress, ssl: false | MysqlTls): Promise<SqlConnection> {
  const { default: mysql } = await import('mysql2');
  const options: ConnectionOptions = {
    host: address.host,
    port: address.port,
    user: address.username,
    password: address.password,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    charset: 'utf8mb4',
    timezone: 'Z',
    // Digits and times as the server gives them.
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    // Reads no file of ours that a server asks for.
    infileStreamFactory: () => {
      throw new SluiceError(
        'SQL_REFUSED',
        'the database asks for a file of this machine, which it does not get',
      );
    },
    ...(address.database && { database: address.database }),
    ...(ssl && { ssl }),
  };
  const client = mysql.createConnection(options);
  // A connection that breaks between two statements fails the next one.
  client.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    client.connect(error => (error ? reject(error) : resolve()));
  }).catch(error => {
    client.destroy();
    throw error;
  });
  for (const statement of SESSION) await query(client, statement);
  const deferred: string[] = [];
  const runAll = async (text: string): Promise<SqlResult> => {
    for (const each of deferred.splice(0)) await query(client, each);
    return query(client, text);
  };
  return {
    defer: text => void deferred.push(text),
    query: runAll,
    run: (pieces, values) =>
      runAll(pieces.reduce((text, piece, i) => text + mysql.escape(values[i - 1] ?? null) + piece)),
    describe: text => describe(client, text),
    async exportLines(text, take) {
      requireDistinct(await describe(client, text));
      await exportLines(client, text, take, isBoolean(address));
    },
    async close() {
      // What is left open is rolled back by the server.
      client.destroy();
    },
  };
}

/** A property of the driver: TINYINT(1) is a boolean unless it says otherwise. */
const isBoolean = ({ options }: SqlAddress): boolean => options.get('tinyint1isbit') !== 'false';

function query(client: Connection, text: string): Promise<SqlResult> {
  return new Promise((resolve, reject) => {
    client.query(text, (error, result) => {
      if (error) reject(error);
      else if (Array.isArray(result)) resolve({ rows: result as Record<string, unknown>[], changed: 0 });
      else resolve({ rows: [], changed: result.affectedRows });
    });
  });
}

async function describe(client: Connection, text: string): Promise<ResultColumn[]> {
  const { promise, resolve, reject } = Promise.withResolvers<FieldPacket[]>();
  client.query(`SELECT * FROM (\n${text}\n) AS q LIMIT 0`, (error, _rows, fields) =>
    error ? reject(error) : resolve(fields),
  );
  const columns = (await promise) as unknown as ColumnInfo[];
  return columns.map(({ name, columnType }) => ({ name, type: typeName(columnType) }));
}

async function exportLines(
  client: Connection,
  text: string,
  take: (bytes: Buffer) => Promise<unknown>,
  booleans: boolean,
): Promise<void> {
  const stream = client.query({ sql: text, rowsAsArray: true }).stream({ highWaterMark: 1000 });
  let encode: ((row: unknown[]) => string) | undefined;
  stream.on('fields', (fields: FieldPacket[]) => {
    encode = mysqlLine(fields as unknown as ColumnInfo[], booleans);
  });
  let lines = '';
  for await (const row of stream) {
    if (encode) lines += `${encode(row as unknown[])}\n`;
    if (lines.length < CHUNK_CHARACTERS) continue;
    await take(Buffer.from(lines));
    lines = '';
  }
  if (lines !== '') await take(Buffer.from(lines));
}
