/** Rows of a query's result, page by page: its order stands, so that a position is the number of a row. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, Source, StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { encodePayloads } from '../../formats/payloads.ts';
import type { BigQueryConnection, JobResource } from './client.ts';
import { type RestRowWriter, restRowWriter } from './rest-rows.ts';

/** How far the result has been read; `bytes`: the length of the rows before, which names the next ones. */
interface Position {
  job: string;
  location?: string;
  row: number;
  bytes: number;
}

const PAGE_ROWS = 2000;
const POLL_MS = 200;

/** @param sql the query, where no checkpoint knows of its job */
export async function openQuerySource(
  connection: BigQueryConnection,
  sql: string,
  context: StageContext,
): Promise<Source> {
  const position =
    (context.restored as unknown as Position | undefined) ?? (await startQuery(connection, sql));
  const { job, location } = position;
  const path = `${context.keptAs.jobId}/${context.keptAs.stage}`;
  let { row, bytes } = position;
  let write: RestRowWriter | undefined;
  let total = Number.POSITIVE_INFINITY;

  return {
    async read(signal) {
      // The other workers have nothing to read: a result is one.
      if (row >= total || context.worker.index > 0) return 'end';
      const page = await connection.page(job, location, row, PAGE_ROWS);
      if (!page.jobComplete) return pause(signal);
      const { rows = [], schema } = page;
      total = Number(page.totalRows ?? 0);
      if (rows.length === 0 && row < total) throw lost(job);
      write ??= restRowWriter(schema?.fields ?? []);
      if (rows.length === 0) return 'end';
      const batch = {
        count: rows.length,
        ...encodePayloads(rows.map(write)),
        origin: { path, offset: bytes },
      };
      row += rows.length;
      bytes += batch.bytes.length;
      return batch;
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json => ({ job, ...(location !== undefined && { location }), row, bytes }),
    close: async () => {},
  };
}

/** Runs a query to its end; gives its job, which tells where the result lies. @throws SluiceError QUERY_INVALID */
export async function runQuery(
  connection: BigQueryConnection,
  sql: string,
  jobId: string = `sluice_${randomUUID().replaceAll('-', '_')}`,
  location?: string,
): Promise<JobResource> {
  const started = await connection.startQuery(jobId, sql, location);
  const place = started.jobReference?.location ?? location;
  for (let job = started; ; ) {
    const { state, errorResult } = job.status ?? {};
    if (errorResult)
      throw new SluiceError(
        'QUERY_INVALID',
        `BigQuery cannot run the query: ${errorResult.message ?? errorResult.reason}`,
      );
    if (state === 'DONE') return job;
    await sleep(POLL_MS);
    job = (await connection.job(connection.project, jobId, place)) ?? job;
  }
}

async function startQuery(connection: BigQueryConnection, sql: string): Promise<Position> {
  const { jobReference } = await runQuery(connection, sql);
  const { jobId = '', location } = jobReference ?? {};
  return { job: jobId, ...(location !== undefined && { location }), row: 0, bytes: 0 };
}

async function pause(signal: AbortSignal): Promise<'idle'> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  return 'idle';
}

const lost = (job: string): SluiceError =>
  new SluiceError(
    'CHECKPOINT_UNUSABLE',
    `BigQuery no longer has the result of its job ${job}, which it keeps for a day: launch the job anew`,
  );
