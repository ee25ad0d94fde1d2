/** Jobs as they are kept on disk: what to run, and what became of it. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import type { Totals } from '../engine/counters.ts';
import { SluiceError } from '../errors.ts';
import type { JobState } from '../store/states.ts';
import { type Job, readJob, writeJob } from '../worker/job-file.ts';

/** What a run came to: the document that `sluice run --json` prints. */
export interface JobSummary extends Totals {
  jobId: string;
  templateId?: string;
  /** The job whose dead letters it ran again. */
  replayOf?: string;
  state: JobState;
  seconds: number;
  outputs: string[];
  /** Dead letters by error code. */
  errors?: Record<string, number>;
  error?: { code: string; message: string };
}

/** An id of the shape Dataflow's clients expect: `2026-11-20_06_58_41-4817263549102`. */
export function newJobId(now = new Date()): string {
  const time = now.toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '_');
  return `${time}-${randomInt(1e9, 1e10)}${randomInt(1e3, 1e4)}`;
}

const JOB_ID = /^[A-Za-z0-9_-]{1,100}$/;

export async function saveJob(config: Config, job: Job): Promise<void> {
  await writeJob(jobFile(config, job.id), job);
}

/** @throws SluiceError JOB_NOT_FOUND */
export async function loadJob(config: Config, id: string): Promise<Job> {
  if (!JOB_ID.test(id)) throw new SluiceError('JOB_NOT_FOUND', `"${id}" is not the id of a job`);
  return readJob(jobFile(config, id));
}

export const jobFile = (config: Config, id: string): string => join(jobDirectory(config, id), 'job.json');
