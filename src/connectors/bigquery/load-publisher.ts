/** Appends segments by load jobs, whose ids tell the segment: BigQuery runs a job of one id only once. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { wordTable } from '../../cloud/warehouse/names.ts';
import type { StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import type { BigQueryConnection, JobResource } from './client.ts';
import { readyTable, restFields } from './cloud-table.ts';
import { loadIntoEmulator } from './emulator-load.ts';
import { runQuery } from './query-source.ts';
import { delayMs, messageOf, PATIENT, reasonVerdicts, verdictOf } from './retry.ts';
import type { Target } from './table-home.ts';
import type { Publisher, Segment } from './table-sink.ts';

/** A table takes 1,500 load jobs a day. */
const INTERVAL_MS = 90_000;
const POLL_MS = 500;
/** Each failed job has used up its id. */
const MAX_JOBS = 8;

export function loadPublisher(
  connection: BigQueryConnection,
  target: Target,
  { keptAs, worker }: StageContext,
): Publisher {
  const { table, disposition } = target;
  const stage = createHash('sha256').update(keptAs.stage).digest('hex').slice(0, 12);
  const id = `sluice_${keptAs.jobId.replace(/[^\w-]/g, '_')}_${stage}`;
  const alone = worker.count === 1;

  return {
    ...(!connection.emulated && { intervalMs: INTERVAL_MS }),
    async publish(segment) {
      const { fields, location } = await readyTable(connection, target, segment.fields);
      const replaces = alone && !connection.emulated && segment.rows > 0;
      if (disposition === 'truncate' && !replaces) await empty(location);
      if (segment.rows === 0) return fields;
      if (connection.emulated) {
        await loadIntoEmulator(connection, table, segment, `${id}_${worker.index}_${segment.number}`);
        return fields;
      }
      const first = alone && segment.number === 1;
      const writeDisposition = first ? DISPOSITIONS[disposition] : DISPOSITIONS.append;
      await load(segment, writeDisposition, location);
      return fields;
    },
  };

  /** Of several workers the first one empties the table: the job of this id runs once. */
  async function empty(location: string | undefined): Promise<void> {
    const name = `\`${table.project}.${table.dataset}.${table.table}\``;
    await runQuery(connection, `TRUNCATE TABLE ${name}`, `${id}_truncate`, location);
  }

  async function load(segment: Segment, writeDisposition: string, location?: string): Promise<void> {
    const settings = {
      fields: restFields(segment.fields),
      writeDisposition,
      ...(location !== undefined && { location }),
    };
    for (let n = 0; n < MAX_JOBS; n++) {
      const jobId = `${id}_${worker.index}_${segment.number}_${n}`;
      const job = await send(jobId);
      const { reason = '', message = reason } = job.status?.errorResult ?? {};
      if (!job.status?.errorResult) return checkRows(job, segment.rows);
      if (reasonVerdicts[reason] !== 'retry')
        throw new SluiceError('BIGQUERY_REFUSED', `${wordTable(table)} takes no load: ${message}`);
      await sleep(delayMs(n + 4));
    }
    throw new SluiceError(
      'SERVICE_UNREACHABLE',
      `${wordTable(table)}: BigQuery has failed ${MAX_JOBS} load jobs`,
    );

    async function send(jobId: string): Promise<JobResource> {
      for (let attempt = 0; ; attempt++) {
        const there = await finished(jobId, location);
        if (there) return there;
        try {
          await connection.sendLoad(table, segment.path, { jobId, ...settings });
        } catch (error) {
          await explain(error, jobId, attempt);
        }
      }
    }

    async function explain(error: unknown, jobId: string, attempt: number): Promise<void> {
      const verdict = verdictOf(error);
      if (verdict === 'login')
        throw new SluiceError('AUTHENTICATION_FAILED', `BigQuery refuses us: ${messageOf(error)}`);
      if (verdict === 'retry' && attempt >= PATIENT)
        throw new SluiceError('SERVICE_UNREACHABLE', `BigQuery does not answer: ${messageOf(error)}`);
      if (verdict === 'retry') return sleep(delayMs(attempt));
      if (await finished(jobId, location)) return;
      throw new SluiceError('BIGQUERY_REFUSED', `${wordTable(table)} takes no load: ${messageOf(error)}`);
    }
  }

  /** The job, once it is over; undefined where there is none. */
  async function finished(jobId: string, location: string | undefined): Promise<JobResource | undefined> {
    for (;;) {
      const job = await connection.job(table.project, jobId, location);
      if (!job || job.status?.state === 'DONE') return job;
      await sleep(POLL_MS);
    }
  }

  function checkRows({ statistics, jobReference }: JobResource, expected: number): void {
    const rows = statistics?.load?.outputRows;
    if (rows === undefined || Number(rows) === expected) return;
    throw new SluiceError(
      'BIGQUERY_REFUSED',
      `the load job ${jobReference?.jobId} has written ${rows} rows to ${wordTable(table)}, not ${expected}`,
    );
  }
}

const DISPOSITIONS = { append: 'WRITE_APPEND', empty: 'WRITE_EMPTY', truncate: 'WRITE_TRUNCATE' } as const;
