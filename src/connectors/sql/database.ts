/** A database as the configuration names it, and how connections are opened: what is refused is refused by name. */
import type { StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { parseAddress, type SqlAddress, wordAddress } from './address.ts';
import { messageOf } from './answers.ts';
import type { SqlConnection } from './connection.ts';
import { openMysql } from './mysql-client.ts';
import { openPostgres } from './postgres-client.ts';
import { FIRST_ATTEMPTS, RETRY_DELAYS_MS, retrying, verdictOf } from './retry.ts';

/** What every component of a database is configured with. */
export const connectionProperties = {
  url: {
    type: 'string',
    format: 'secret',
    minLength: 1,
    description:
      'Where the database is: `jdbc:postgresql://HOST:PORT/DATABASE`, `jdbc:mysql://…`, `jdbc:mariadb://…`, or without `jdbc:`. Properties such as `sslmode` follow a `?`.',
  },
  username: { type: 'string', minLength: 1, description: 'Whom to connect as.' },
  password: { type: 'string', format: 'secret', description: 'The password, or a reference to it.' },
  connection_properties: {
    type: 'string',
    description: 'Further properties, `name=value;name=value`; they count before those of the URL.',
  },
  connection_init_sql: {
    type: 'array',
    items: { type: 'string', minLength: 1 },
    maxItems: 100,
    description: 'Statements to run on each new connection.',
  },
  driver_class_name: { type: 'string', description: "Accepted for the sake of Beam's users, and not used." },
  driver_jars: { type: 'string', description: "Accepted for the sake of Beam's users, and not used." },
} as const;

export interface ConnectionSettings {
  url: string;
  username?: string;
  password?: string;
  connection_properties?: string;
  connection_init_sql?: readonly string[];
  driver_class_name?: string;
  driver_jars?: string;
}

/** A database that connections can be opened to. */
export interface Database {
  address: SqlAddress;
  connect(): Promise<SqlConnection>;
}

/** What the settings name; nothing is opened yet. @throws SluiceError PARAMETERS_INVALID */
export function databaseOf(settings: ConnectionSettings, context: StageContext): Database {
  const parsed = parseAddress(settings.url, settings.connection_properties);
  const address: SqlAddress = {
    ...parsed,
    ...(settings.username && { username: settings.username }),
    ...(settings.password && { password: settings.password }),
  };
  if (settings.driver_class_name || settings.driver_jars)
    context.report('DEBUG', 'drivers of Java are not needed, and not used');
  const open = address.dialect === 'postgres' ? openPostgres : openMysql;
  return {
    address,
    async connect() {
      const connection = await open(address, context);
      try {
        for (const statement of settings.connection_init_sql ?? []) await connection.query(statement);
      } catch (error) {
        await connection.close();
        throw error;
      }
      return connection;
    },
  };
}

/**
 * Opens a connection, patiently where a job goes on.
 * @throws SluiceError SERVICE_UNREACHABLE, AUTHENTICATION_FAILED, SQL_REFUSED
 */
export async function connectTo({ address, connect }: Database, patient: boolean): Promise<SqlConnection> {
  const attempts = patient ? RETRY_DELAYS_MS.length : FIRST_ATTEMPTS;
  return naming(address, () => retrying(connect, attempts));
}

/** Runs `work`; what the database answers becomes an error that names it. */
export async function naming<T>(address: SqlAddress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw nameFailure(address, error);
  }
}

/** The error for the user. */
export function nameFailure(address: SqlAddress, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const verdict = verdictOf(error);
  const code =
    verdict === 'retry'
      ? 'SERVICE_UNREACHABLE'
      : verdict === 'denied'
        ? 'AUTHENTICATION_FAILED'
        : 'SQL_REFUSED';
  const did = {
    SERVICE_UNREACHABLE: 'does not answer',
    AUTHENTICATION_FAILED: 'denies it',
    SQL_REFUSED: 'refuses',
  };
  return new SluiceError(code, `${wordAddress(address)} ${did[code]}: ${messageOf(error)}`, { cause: error });
}
