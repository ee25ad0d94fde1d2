/** A job as the server tells of it: found by its id or by its name. */
import type { Counters, Totals } from '../engine/counters.ts';
import { SluiceError } from '../errors.ts';
import type { JobSummary } from '../jobs/job.ts';
import type { JobRecord } from '../store/record.ts';
import type { Call, Client } from './client.ts';

/** What `GET /api/jobs/{jobId}` gives, as far as the command line shows it. */
export interface ServedJob extends JobRecord {
  totals?: Totals;
  counters?: Counters;
  /** ms since the epoch. */
  watermark?: number;
}

/** The shape of ids; names begin with a letter. */
const JOB_ID = /^\d/;

/** The active job of a name. @throws SluiceError JOB_NOT_FOUND; USAGE when several active jobs have the name */
export async function findActiveJob(client: Client, idOrName: string): Promise<ServedJob> {
  if (JOB_ID.test(idOrName)) return getJob(client, idOrName);
  const job = await activeOf(client, idOrName);
  if (job) return job;
  const latest = await latestOf(client, idOrName);
  const why = latest && `: the last one, job ${latest.id}, is ${latest.state}`;
  throw new SluiceError('JOB_NOT_FOUND', `no active job is named ${idOrName}${why ?? ''}`);
}

/** The active job of a name, or else the one that was launched last. @throws SluiceError as `findActiveJob` */
export async function findJob(client: Client, idOrName: string): Promise<ServedJob> {
  if (JOB_ID.test(idOrName)) return getJob(client, idOrName);
  const job = (await activeOf(client, idOrName)) ?? (await latestOf(client, idOrName));
  if (job) return job;
  throw new SluiceError('JOB_NOT_FOUND', `no job is named ${idOrName}`);
}

async function activeOf(client: Client, name: string): Promise<ServedJob | undefined> {
  const { jobs } = await listed(client, { name, status: 'active' });
  const [job, ...others] = jobs;
  if (!job) return undefined;
  if (others.length > 0) {
    const ids = jobs.map(({ id, projectId, location }) => `${id} (${projectId}, ${location})`);
    throw new SluiceError('USAGE', `several active jobs are named ${name}: ${ids.join(', ')}`);
  }
  return getJob(client, job.id);
}

async function latestOf(client: Client, name: string): Promise<ServedJob | undefined> {
  const { jobs } = await listed(client, { name, status: 'all', pageSize: 1 });
  return jobs[0] && getJob(client, jobs[0].id);
}

const listed = (client: Client, query: Call['query']): Promise<{ jobs: JobRecord[] }> =>
  client.get('/api/jobs', { query });

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
