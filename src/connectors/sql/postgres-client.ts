/** A connection to PostgreSQL by `pg`, and COPY in both directions. */
import type { Client, ClientConfig, Submittable } from 'pg';
import type { StageContext } from '../../engine/component.ts';
import type { SqlAddress } from './address.ts';
import type { ResultColumn, SqlConnection, SqlResult, SqlValue } from './connection.ts';
import { requireDistinct } from './names.ts';
import { copyLines } from './postgres-lines.ts';
import { firstToConnect, postgresTls } from './tls.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Of a worker that is gone without a word, so that its locks do not stay. */
const IDLE_TIMEOUT_MS = 600_000;
const CLOSE_TIMEOUT_MS = 1000;
const CHUNK_BYTES = 1 << 18;

export async function openPostgres(address: SqlAddress, { config }: StageContext): Promise<SqlConnection> {
  const attempts = await postgresTls(address.options, config);
  return firstToConnect(attempts, ssl => openClient(address, ssl), isWithoutTls);
}

const isWithoutTls = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('does not support SSL');

async function openClient(address: SqlAddress, ssl: ClientConfig['ssl']): Promise<SqlConnection> {
  const { default: pg } = await import('pg');
  const client: Client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.database || address.username,
    user: address.username,
    // A function: without one the client would look for a password of this machine's owner, and send that.
    password: () => address.password ?? '',
    ssl,
    application_name: address.options.get('applicationname') ?? 'sluice',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    idle_in_transaction_session_timeout: IDLE_TIMEOUT_MS,
    // Every value as the text that the server gives.
    types: { getTypeParser: () => String },
  });
  // A connection that breaks between two statements fails the next one.
  client.on('error', () => {});
  await client.connect();
  const schema = address.options.get('currentschema');
  if (schema) await client.query("SELECT set_config('search_path', $1, false)", [schema]);
  await client.query("SET client_encoding = 'UTF8'; SET TIME ZONE 'UTC'; SET extra_float_digits = 3");
  let deferred = '';
  /** With what was deferred before it. */
  const whole = (text: string): string => {
    const both = deferred + text;
    deferred = '';
    return both;
  };
  return {
    defer(text) {
      deferred += `${text}; `;
    },
    query: text => run(client, whole(text)),
    async run(pieces, values) {
      // A statement with values travels alone.
      if (deferred !== '') await run(client, whole(''));
      const text = pieces.reduce((before, piece, i) => `${before}$${i}${piece}`);
      return run(client, text, values);
    },
    copyIn: (text, bytes) => copyIn(client, whole(text), bytes),
    describe: text => describe(client, text),
    async exportLines(text, take) {
      const columns = await describe(client, text);
      requireDistinct(columns);
      await copyOut(client, copyLines(text, columns), take);
    },
    async close() {
      const closed = client.end().catch(() => {});
      const { promise, resolve } = Promise.withResolvers<void>();
      // A server that is gone does not say goodbye.
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      await Promise.race([closed, promise]);
      clearTimeout(timer);
    },
  };
}

async function run(client: Client, text: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
  const answer = await (values.length > 0 ? client.query(text, values.map(toText)) : client.query(text));
  // Of several statements the last counts.
  const { rows, rowCount } = Array.isArray(answer) ? answer.at(-1) : answer;
  return { rows: rows ?? [], changed: rowCount ?? 0 };
}

/** Of a type the server knows the name. */
async function describe(client: Client, text: string): Promise<ResultColumn[]> {
  const { fields } = await client.query(`SELECT * FROM (\n${text}\n) AS q LIMIT 0`);
  const { rows } = await client.query(
    'SELECT format_type(type, modifier) AS type FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS t(type, modifier, at) ORDER BY at',
    [fields.map(field => field.dataTypeID), fields.map(field => field.dataTypeModifier)],
  );
  return fields.map(({ name }, i) => ({ name, type: String(rows[i]?.type) }));
}

const toText = (value: SqlValue): null | string | Buffer =>
  value === null || Buffer.isBuffer(value) ? value : String(value);

/** The part of the client's wire connection that COPY needs. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(bytes: Buffer): void;
  endCopyFrom(): void;
  stream: { pause(): void; resume(): void };
}

/**
 * Sends all bytes in one go, behind the statement: a server that refuses it, or one of them, takes what is left and
 * forgets it, so that the connection can be used again. To wait until the server asks for them would leave it idle for
 * as long as this process is busy with the rows that follow.
 */
function copyIn(client: Client, text: string, bytes: Buffer): Promise<void> {
  return submit(client, text, {
    handleSubmitted(wire) {
      wire.sendCopyFromChunk(bytes);
      wire.endCopyFrom();
    },
    handleCopyInResponse() {},
  });
}

/** Gives the output of a COPY in pieces; the socket rests while they are not taken fast enough. */
async function copyOut(
  client: Client,
  text: string,
  take: (bytes: Buffer) => Promise<unknown>,
): Promise<void> {
  let pending = Buffer.allocUnsafe(CHUNK_BYTES);
  let length = 0;
  let taking: Promise<unknown> = Promise.resolve();
  let failure: unknown;
  const flush = (wire?: Wire) => {
    const full = pending.subarray(0, length);
    pending = Buffer.allocUnsafe(CHUNK_BYTES);
    length = 0;
    wire?.stream.pause();
    taking = taking
      .then(() => failure ?? take(full))
      .catch(error => {
        failure = error;
      })
      .finally(() => wire?.stream.resume());
  };
  await submit(client, text, {
    handleCopyData({ chunk }, wire) {
      // The client writes its next bytes to where these lie.
      if (length + chunk.length > pending.length && length > 0) flush(wire);
      if (chunk.length > pending.length) pending = Buffer.allocUnsafe(chunk.length);
      length += chunk.copy(pending, length);
    },
  });
  flush();
  await taking;
  if (failure) throw failure;
}

/** Runs a statement that copies; `handlers` are those of the client for the messages of COPY. */
function submit(
  client: Client,
  text: string,
  {
    handleSubmitted,
    ...handlers
  }: {
    handleSubmitted?(wire: Wire): void;
    handleCopyInResponse?(): void;
    handleCopyData?(message: { chunk: Buffer }, wire: Wire): void;
  },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed = false;
    client.query({
      submit(connection: unknown) {
        (connection as Wire).query(text);
        handleSubmitted?.(connection as Wire);
      },
      handleError(error: Error) {
        failed = true;
        reject(error);
      },
      handleCommandComplete() {},
      handleReadyForQuery() {
        if (!failed) resolve();
      },
      // The client sets it, and calls it when a query takes longer than it may.
      callback() {},
      ...handlers,
    } as unknown as Submittable);
  });
}
