/** Dead letters for clients: looked at in a process of its own, and replayed by the supervisor. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { audit } from '../access/audit.ts';
import type { Caller } from '../access/roles.ts';
import { jobDirectory } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { loadJob, newJobId } from '../jobs/job.ts';
import { newRecord } from '../launch/record.ts';
import type { JobRecord } from '../store/record.ts';
import type { ReplayRequest } from '../tasks/choose-replay.ts';
import type { Asked, AskedLetters } from '../tasks/look-at-letters.ts';
import { runTask } from '../tasks/run.ts';
import type { ReplayToLaunch } from '../tasks/tasks.ts';
import { type ShownRecord, shownRecord } from './jobs.ts';
import type { Service } from './service.ts';

/** Files of dead letters may be large. */
const TIMEOUT_MS = 55_000;
/** Others may launch replays of the same job at the same time; one of them is always the first. */
const MAX_TRIES = 5;
const ATTEMPTS = 10;

/** @throws SluiceError JOB_NOT_FOUND, REPLAY_REFUSED when the job keeps none */
export async function listLetters(
  { config, store }: Service,
  jobId: string,
  asked: Asked,
  signal: AbortSignal,
) {
  store.jobs.require(jobId);
  return runTask(config, 'listLetters', { jobId, ...asked }, { signal, timeoutMs: TIMEOUT_MS });
}

/** Dead letters in full. @throws SluiceError DEAD_LETTER_NOT_FOUND */
export async function showLetters(
  { config, store }: Service,
  jobId: string,
  asked: AskedLetters,
  signal: AbortSignal,
) {
  store.jobs.require(jobId);
  return runTask(config, 'showLetters', { jobId, ...asked }, { signal, timeoutMs: TIMEOUT_MS });
}

/** A dead letter, and which are before and after it. @throws SluiceError DEAD_LETTER_NOT_FOUND */
export async function openLetter(
  { config, store }: Service,
  jobId: string,
  asked: { code?: string; id: string },
  signal: AbortSignal,
) {
  store.jobs.require(jobId);
  return runTask(config, 'openLetter', { jobId, ...asked }, { signal, timeoutMs: TIMEOUT_MS });
}

export interface ServedReplay extends Omit<ReplayToLaunch, 'launch'> {
  /** The job that runs the letters again; absent: there is nothing to replay. */
  job?: ShownRecord;
}

/** Runs dead letters again, each once, as a job of its own. @throws SluiceError REPLAY_REFUSED */
export async function replayLetters(
  service: Service,
  jobId: string,
  request: Partial<ReplayRequest>,
  caller: Caller,
  signal: AbortSignal,
): Promise<ServedReplay> {
  const { store } = service;
  const original = store.jobs.require(jobId);
  const { udf } = request;
  const asked = { maxAttempts: ATTEMPTS, ...request, jobId, ...(udf !== undefined && { udf: pathOf(udf) }) };
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const replayId = newJobId();
    try {
      const served = await replayAs(service, original, { ...asked, replayId }, caller, signal);
      if (served) return served;
    } finally {
      // Of letters that were chosen for nothing nothing stays, wherever the choice was interrupted.
      if (!store.jobs.get(replayId))
        await rm(jobDirectory(service.config, replayId), { recursive: true, force: true });
    }
  }
  throw new SluiceError('REPLAY_REFUSED', `others launch replays of job ${jobId}: try again`);
}

/** Undefined when another replay was launched meanwhile: then the letters are to be chosen anew. */
async function replayAs(
  service: Service,
  { id, projectId, location }: JobRecord,
  request: ReplayRequest & { jobId: string; replayId: string },
  caller: Caller,
  signal: AbortSignal,
): Promise<ServedReplay | undefined> {
  const { config, supervisor } = service;
  const options = { signal, timeoutMs: TIMEOUT_MS };
  const { launch, ...chosen } = await runTask(config, 'chooseReplay', request, options);
  if (!launch) return chosen;
  const job = await loadJob(config, request.replayId);
  const launched = {
    owner: 'service',
    launchedBy: caller.name,
    projectId,
    location,
    replay: launch,
  } as const;
  try {
    const record = await supervisor.launch(job, newRecord({ job }, launched));
    audit(service, caller, 'job.replay', record.id, { of: id });
    return { ...chosen, job: shownRecord(record) };
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'REPLAY_REFUSED') return undefined;
    throw error;
  }
}

const pathOf = (udf: string): string => (/^(?:gs|udf):\/\//.test(udf) ? udf : resolve(udf));
