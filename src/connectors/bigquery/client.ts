/**
 * BigQuery itself, or an emulator of it: the official client behind the few calls that the connector makes. Loaded when
 * it is first needed. No call retries by itself: `retry.ts` decides.
 */
import type { BigQuery, BigQueryOptions } from '@google-cloud/bigquery';
import { LOCAL_PROJECT, type TableName, wordTable } from '../../cloud/warehouse/names.ts';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { BRIEF, codeOf, isDuplicate, isNotFound, messageOf, retrying } from './retry.ts';

/** A field as the REST interface writes it. */
export interface RestField {
  name: string;
  type: string;
  mode?: string;
  fields?: RestField[];
}

export interface TableResource {
  location?: string;
  schema?: { fields?: RestField[] };
  type?: string;
  timePartitioning?: { type: string; field?: string };
  clustering?: { fields: readonly string[] };
}

export interface JobResource {
  jobReference?: { jobId?: string; location?: string };
  configuration?: {
    query?: { destinationTable?: { projectId: string; datasetId: string; tableId: string } };
  };
  status?: { state?: string; errorResult?: { reason?: string; message?: string } };
  statistics?: { load?: { outputRows?: string } };
}

/** Rows as the REST interface gives them: the values of a row in the order of its fields, each in a `v`. */
export interface RestCell {
  v: unknown;
}
export interface RestPage {
  jobComplete?: boolean;
  totalRows?: string;
  schema?: { fields?: RestField[] };
  rows?: { f: RestCell[] }[];
  errors?: { message?: string }[];
}

export interface InsertAnswer {
  insertErrors?: { index?: number; errors?: { reason?: string; location?: string; message?: string }[] }[];
}

/** True when tables are those of BigQuery or its emulator, not of the local warehouse. */
export const isCloud = ({ bigqueryHost, googleCredentials }: Config): boolean =>
  bigqueryHost !== undefined || googleCredentials !== undefined;

/** Throws what the official client throws, and SluiceError AUTHENTICATION_FAILED. */
export async function connectBigQuery(config: Config): Promise<BigQueryConnection> {
  const { BigQuery } = await import('@google-cloud/bigquery');
  const { bigqueryHost: host, googleProject } = config;
  const known = googleProject ?? (host === undefined ? undefined : LOCAL_PROJECT);
  const client = new BigQuery({
    ...(host !== undefined && { apiEndpoint: addressOf(host), authClient: anybody }),
    ...(known !== undefined && { projectId: known }),
    autoRetry: false,
    maxRetries: 0,
  });
  const project =
    known ??
    (await client.getProjectId().catch(error => {
      throw new SluiceError(
        'AUTHENTICATION_FAILED',
        `the credentials of Google do not work: ${messageOf(error)}`,
      );
    }));
  return new BigQueryConnection(client, project, host);
}

export class BigQueryConnection {
  /** Jobs run in it, and names that say none mean it. */
  readonly project: string;
  readonly emulated: boolean;
  readonly #client: BigQuery;
  readonly #base: string;

  constructor(client: BigQuery, project: string, host: string | undefined) {
    this.#client = client;
    this.#base = `${host === undefined ? client.apiEndpoint : addressOf(host)}/bigquery/v2`;
    this.project = project;
    this.emulated = host !== undefined;
  }

  /** The name with the project that it means. */
  named(table: TableName): TableName {
    return table.project === LOCAL_PROJECT ? { ...table, project: this.project } : table;
  }

  /** What BigQuery tells of a table; undefined where there is none. Tells soon when nobody answers. */
  async table(name: TableName, times = BRIEF): Promise<TableResource | undefined> {
    return this.#found<TableResource>(`${datasetPath(name)}/tables/${encodeURIComponent(name.table)}`, times);
  }

  /** @throws SluiceError TABLE_NOT_FOUND */
  async dataset(name: TableName): Promise<{ location?: string }> {
    const found = await this.#found<{ location?: string }>(datasetPath(name), BRIEF);
    if (found) return found;
    throw new SluiceError(
      'TABLE_NOT_FOUND',
      `the project ${name.project} has no dataset ${name.dataset}: make it first, where its tables are to lie`,
    );
  }

  /** A table that is there already stays as it is. */
  async createTable(name: TableName, resource: TableResource): Promise<void> {
    const { project: projectId, dataset: datasetId, table: tableId } = name;
    const json = { tableReference: { projectId, datasetId, tableId }, ...resource };
    await retrying(() =>
      this.#send('POST', `${datasetPath(name)}/tables`, { json }).catch(error => {
        if (!isDuplicate(error)) throw error;
      }),
    ).catch(error => refuse(error, `the table ${wordTable(name)}`));
  }

  async changeTable(name: TableName, resource: TableResource): Promise<void> {
    const path = `${datasetPath(name)}/tables/${encodeURIComponent(name.table)}`;
    await retrying(() => this.#send('PATCH', path, { json: resource })).catch(error =>
      refuse(error, `the fields of ${wordTable(name)}`),
    );
  }

  async deleteTable(name: TableName): Promise<void> {
    const path = `${datasetPath(name)}/tables/${encodeURIComponent(name.table)}`;
    await retrying(() =>
      this.#send('DELETE', path, {}).catch(error => {
        if (!isNotFound(error)) throw error;
      }),
    ).catch(error => refuse(error, `to drop ${wordTable(name)}`));
  }

  /** Sends a file of JSON lines to a table, in a job of this id. */
  async sendLoad(
    { project: projectId, dataset, table }: TableName,
    path: string,
    load: { jobId: string; location?: string; fields: RestField[]; writeDisposition: string },
  ): Promise<void> {
    const { jobId, location, fields, writeDisposition } = load;
    await this.#client
      .dataset(dataset, { projectId, ...(location !== undefined && { location }) })
      .table(table, { ...(location !== undefined && { location }) })
      .createLoadJob(path, {
        jobId,
        sourceFormat: 'NEWLINE_DELIMITED_JSON',
        createDisposition: 'CREATE_NEVER',
        writeDisposition,
        schema: { fields },
      });
  }

  /** A job; undefined where there is none of the id. */
  async job(project: string, jobId: string, location?: string): Promise<JobResource | undefined> {
    const query: Record<string, string> = location === undefined ? {} : { location };
    return this.#found<JobResource>(
      `/projects/${encodeURIComponent(project)}/jobs/${jobId}`,
      undefined,
      query,
    );
  }

  /** Starts a query, unless there is a job of this id. */
  async startQuery(jobId: string, sql: string, location?: string): Promise<JobResource> {
    const json = {
      jobReference: { projectId: this.project, jobId, ...(location !== undefined && { location }) },
      configuration: { query: { query: sql, useLegacySql: false } },
    };
    return retrying(() =>
      this.#send<JobResource>('POST', `/projects/${encodeURIComponent(this.project)}/jobs`, { json }).catch(
        async error => {
          // Without an answer it is sent again; with one, an earlier attempt or another worker may have been faster.
          if (typeof codeOf(error) !== 'number') throw error;
          const there = await this.job(this.project, jobId, location);
          if (there) return there;
          if (codeOf(error) !== 400) throw error;
          throw new SluiceError('QUERY_INVALID', `BigQuery cannot run the query: ${messageOf(error)}`);
        },
      ),
    );
  }

  /** Rows of a query's result from one on; waits some seconds for a query that is not done. */
  async page(jobId: string, location: string | undefined, from: number, count: number): Promise<RestPage> {
    const query = {
      startIndex: String(from),
      maxResults: String(count),
      timeoutMs: '10000',
      'formatOptions.useInt64Timestamp': 'true',
      ...(location !== undefined && { location }),
    };
    const path = `/projects/${encodeURIComponent(this.project)}/queries/${jobId}`;
    return retrying(() => this.#send<RestPage>('GET', path, { query }));
  }

  /** Rows that are there at once; gives those that were refused. Not tried again here: some may be written. */
  async insertAll(name: TableName, rows: { insertId: string; json: unknown }[]): Promise<InsertAnswer> {
    const path = `${datasetPath(name)}/tables/${encodeURIComponent(name.table)}/insertAll`;
    return this.#send<InsertAnswer>('POST', path, { json: { rows, skipInvalidRows: true } });
  }

  async #found<T>(path: string, times?: number, query: Record<string, string> = {}): Promise<T | undefined> {
    return retrying(
      () =>
        this.#send<T>('GET', path, { query }).catch(error => {
          if (isNotFound(error)) return undefined;
          throw error;
        }),
      times,
    ).catch(error => refuse(error, path));
  }

  #send<T>(
    method: string,
    path: string,
    { json, query = {} }: { json?: unknown; query?: Record<string, string> },
  ): Promise<T> {
    const request = { method, uri: `${this.#base}${path}`, qs: query, ...(json !== undefined && { json }) };
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#client.request(
      request as Parameters<BigQuery['request']>[0],
      (error: Error | null, body: unknown) => (error ? reject(error) : resolve(body as T)),
    );
    return promise;
  }
}

/** What stands for the emulator's own credentials: it asks for none. */
const anybody = {
  getRequestHeaders: async () => new Headers(),
  universeDomain: 'googleapis.com',
} as unknown as NonNullable<BigQueryOptions['authClient']>;

const addressOf = (host: string): string =>
  (/^\w+:\/\//.test(host) ? host : `http://${host}`).replace(/\/+$/, '');

const datasetPath = ({ project, dataset }: TableName): string =>
  `/projects/${encodeURIComponent(project)}/datasets/${encodeURIComponent(dataset)}`;

function refuse(error: unknown, what: string): never {
  if (error instanceof SluiceError) throw error;
  throw new SluiceError('BIGQUERY_REFUSED', `BigQuery refuses ${what}: ${messageOf(error)}`, {
    cause: error,
  });
}
