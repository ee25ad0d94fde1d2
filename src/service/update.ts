/** Replaces a running streaming job by another one of its name, which takes over its positions and its open state. */
import { jobDirectory } from '../config.ts';
import { letterPlaces } from '../dlq/places.ts';
import { SluiceError } from '../errors.ts';
import { lineageOf, matchStages } from '../jobs/handover-match.ts';
import { loadJob } from '../jobs/job.ts';
import type { PreparedJob } from '../launch/prepare.ts';
import { noneToReplace } from '../store/jobs.ts';
import type { JobRecord } from '../store/record.ts';
import { graphOf } from '../worker/graph.ts';
import type { Job } from '../worker/job-file.ts';
import type { Service } from './service.ts';

/** What an update acts on. */
export type UpdateService = Pick<Service, 'config' | 'store' | 'supervisor'>;

/**
 * Takes in the new job, which begins when the running one has handed over; gives its record at once.
 * @throws SluiceError JOB_NOT_FOUND when no job of its name runs, UPDATE_REFUSED when it cannot take over
 */
export async function updateJob(
  service: UpdateService,
  prepared: PreparedJob,
  record: JobRecord,
): Promise<JobRecord> {
  const { replaced, job } = await planUpdate(service, prepared, record);
  return service.supervisor.replace(replaced.id, job, { ...record, replaces: replaced.id });
}

/** Refuses what `updateJob` would refuse. */
export async function checkUpdate(
  service: UpdateService,
  prepared: PreparedJob,
  record: JobRecord,
): Promise<void> {
  await planUpdate(service, prepared, record);
}

async function planUpdate({ config, store }: UpdateService, prepared: PreparedJob, record: JobRecord) {
  const replaced = store.jobs.named(record);
  if (replaced?.state !== 'RUNNING' && replaced?.state !== 'DRAINING')
    throw noneToReplace(record.name, replaced);
  checkKind(replaced, prepared);
  const before = await loadJob(config, replaced.id);
  // What a template puts into the job's folder stays where its predecessors have begun it.
  const first = before.lineage?.jobId ?? before.id;
  const pipeline = replaceText(
    prepared.job.pipeline,
    jobDirectory(config, prepared.job.id),
    jobDirectory(config, first),
  );
  const graph = graphOf({ ...prepared.job, pipeline });
  const matched = matchStages(graphOf(before), graph, record.transformNameMapping);
  const job: Job = {
    ...prepared.job,
    pipeline,
    deadLetters: letterPlaces(graph, prepared.job.id),
    lineage: lineageOf(before, graph, prepared.job.id, matched),
  };
  return { replaced, job };
}

function checkKind(
  { id, streaming, state, wish, owner, workers, container }: JobRecord,
  { job }: PreparedJob,
): void {
  if (job.program)
    throw refused(
      `what a program knows, only it knows: it cannot take over from job ${id}; drain that one, and launch the new one`,
    );
  if (!streaming) throw refused(`job ${id} is a batch job: wait for its end, then launch the new one`);
  if (!job.streaming)
    throw refused(`the new job is a batch job, which cannot take over from a streaming one: drain job ${id}`);
  if (owner !== 'service') throw refused(`job ${id} is run by \`sluice run\`: stop it there`);
  if (state === 'DRAINING' || wish !== undefined)
    throw refused(`job ${id} is being stopped: launch the new one when it has ended`);
  // A process reads and writes what it finds in its state, wherever links in it lead.
  if (container && !job.container)
    throw refused(
      `job ${id} runs in containers, whose state no process takes over: launch the new one with the docker launcher`,
    );
  if (job.workers !== workers)
    throw refused(
      `job ${id} has ${workers} workers and the new one ${job.workers}: numWorkers must stay; otherwise drain the running job, and launch the new one`,
    );
}

const refused = (why: string): SluiceError => new SluiceError('UPDATE_REFUSED', why);

function replaceText(value: unknown, from: string, to: string): unknown {
  if (typeof value === 'string') return value.replaceAll(from, to);
  if (Array.isArray(value)) return value.map(each => replaceText(each, from, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replaceText(each, from, to)]));
}
