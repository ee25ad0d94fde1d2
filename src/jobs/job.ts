/** Jobs as they are kept on disk: what to run, and what became of it. */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { replaceFile } from '../engine/checkpoint.ts';
import type { Totals } from '../engine/counters.ts';
import { SluiceError } from '../errors.ts';
import { isAlive, type Job, readJob, writeJob } from '../worker/job-file.ts';

export type JobState = 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED' | 'DRAINED';

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

interface JobStatus {
  state: JobState;
  /** The process that runs it. */
  pid: number;
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

export async function saveState(config: Config, id: string, state: JobState): Promise<void> {
  const status: JobStatus = { state, pid: process.pid };
  await replaceFile(statusFile(config, id), JSON.stringify(status));
}

/** The state that was noted last, and whether a process runs the job; undefined when it was never started. */
export async function loadState(
  config: Config,
  id: string,
): Promise<{ state: JobState; alive: boolean } | undefined> {
  const text = await readFile(statusFile(config, id), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { state, pid }: JobStatus = JSON.parse(text);
  return { state, alive: state === 'RUNNING' && isAlive(pid) };
}

/** Refuses a job that has come to its end, or that another process runs. @throws SluiceError JOB_NOT_RESUMABLE */
export async function requireResumable(config: Config, id: string): Promise<void> {
  const text = await readFile(statusFile(config, id), 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { state, pid }: JobStatus = JSON.parse(text);
  if (state === 'RUNNING' && pid !== process.pid && isAlive(pid)) {
    throw new SluiceError('JOB_NOT_RESUMABLE', `job ${id} is being run by process ${pid}`);
  }
  if (state !== 'RUNNING' && state !== 'FAILED') {
    throw new SluiceError('JOB_NOT_RESUMABLE', `job ${id} is ${state}: there is nothing to resume`);
  }
}

const statusFile = (config: Config, id: string): string => join(jobDirectory(config, id), 'status.json');
