/** A job as the server tells of it: found by its id, or by the name that an active one has. */
import type { Counters, Totals } from '../engine/counters.ts';
import { SluiceError } from '../errors.ts';
import type { JobSummary } from '../jobs/job.ts';
import type { JobRecord } from '../store/record.ts';
import type { Client } from './client.ts';

/** What `GET /api/jobs/{jobId}` gives, as far as the command line shows it. */
export interface ServedJob extends JobRecord {
  totals?: Totals;
  counters?: Counters;
  /** ms since the epoch. */
  watermark?: number;
}

/** The shape of ids; names begin with a letter. */
const JOB_ID = /^\d/;

/** @throws SluiceError JOB_NOT_FOUND; USAGE when several active jobs have the name */
export async function findJob(client: Client, idOrName: string): Promise<ServedJob> {
  if (JOB_ID.test(idOrName)) return getJob(client, idOrName);
  const { jobs } = await client.get<{ jobs: JobRecord[] }>('/api/jobs', {
    query: { name: idOrName, status: 'active' },
  });
  const [job, ...others] = jobs;
  if (!job)
    throw new SluiceError(
      'JOB_NOT_FOUND',
      `no active job is named ${idOrName}; ended ones are found by their ids: sluice jobs list --status all --name ${idOrName}`,
    );
  if (others.length > 0) {
    const ids = jobs.map(({ id, projectId, location }) => `${id} (${projectId}, ${location})`);
    throw new SluiceError('USAGE', `several active jobs are named ${idOrName}: ${ids.join(', ')}`);
  }
  return getJob(client, job.id);
}

export const getJob = (client: Client, id: string): Promise<ServedJob> =>
  client.get(`/api/jobs/${encodeURIComponent(id)}`);

/** The path of a job in Dataflow's own API. */
export const dataflowPath = ({ id, projectId, location }: JobRecord): string =>
  `/v1b3/projects/${encodeURIComponent(projectId)}/locations/${encodeURIComponent(location)}/jobs/${encodeURIComponent(id)}`;

const nothing: Totals = {
  elements: { read: 0, written: 0, filtered: 0, deadLettered: 0 },
  bytes: { read: 0, written: 0 },
};

/** What the job has read and written up to now. */
export const totalsOf = ({ result, totals }: ServedJob): Totals => result ?? totals ?? nothing;

/** What a job has come to, as `sluice run` tells it of its own. */
export function summaryOf(job: ServedJob): Omit<JobSummary, 'state'> & { state: string } {
  const { id, templateId, replayOf, state, result } = job;
  const { elements, bytes } = totalsOf(job);
  return {
    jobId: id,
    ...(templateId !== undefined && { templateId }),
    ...(replayOf !== undefined && { replayOf }),
    state,
    elements,
    bytes,
    seconds: result?.seconds ?? secondsOf(job),
    ...(result?.errors && { errors: result.errors }),
    outputs: result?.outputs ?? [],
    ...(result?.error && { error: result.error }),
  };
}

function secondsOf({ createTime, startTime = createTime, endTime }: JobRecord): number {
  return ((endTime ? Date.parse(endTime) : Date.now()) - Date.parse(startTime)) / 1000;
}
