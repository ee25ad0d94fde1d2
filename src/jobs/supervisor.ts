/** Runs the jobs of the service: starts what is queued, watches what runs, and starts again what crashed. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { forgetSecrets } from '../engine/secrets.ts';
import { SluiceError } from '../errors.ts';
import { processLauncher } from '../launchers/detached.ts';
import { dockerLauncher } from '../launchers/docker/launcher.ts';
import { removeLeftovers } from '../launchers/docker/leftovers.ts';
import type { JobRecord } from '../store/record.ts';
import { isEnded, type Wish } from '../store/states.ts';
import type { Store } from '../store/store.ts';
import { claim, holderOf } from '../worker/claim.ts';
import type { Job } from '../worker/job-file.ts';
import { orphaned } from './foreground-owner.ts';
import { isWaiting, takesOver } from './handover.ts';
import { saveJob } from './job.ts';
import type { JobEvent } from './supervisor/job-event.ts';
import { type JobContext, type JobRun, runServiceJob } from './supervisor/job-run.ts';

export type { JobEvent } from './supervisor/job-event.ts';

export interface Supervisor {
  /** Takes a job into the store and the queue, and gives its record at once. @throws SluiceError JOB_NAME_TAKEN */
  launch(job: Job, record: JobRecord): Promise<JobRecord>;
  /**
   * Takes a job into the store that is to take over from the running one: that is asked to hand over, and when it has,
   * this one begins where it was. @throws SluiceError UPDATE_REFUSED when it runs no more
   */
  replace(jobId: string, job: Job, record: JobRecord): Promise<JobRecord>;
  /**
   * Asks a job to stop; gives its record with the state it is in now. Asking twice is no error.
   * @throws SluiceError JOB_NOT_FOUND, JOB_ENDED, JOB_NOT_DRAINABLE
   */
  stop(jobId: string, wish: Exclude<Wish, 'UPDATED'>): Promise<JobRecord>;
  /** Calls `listener` with each event until the function it gives is called. */
  subscribe(listener: (event: JobEvent) => void): () => void;
  /** How many jobs wait, and how many run. */
  load(): { queued: number; running: number };
  /** Ends the watching; workers go on and are found again, or streaming jobs drain first. */
  close(options: { drain: boolean }): Promise<void>;
}

export interface SupervisorOptions {
  config: Config;
  store: Store;
  /** How many jobs run at the same time; others wait. */
  maxJobs: number;
  /** How long to wait before a crashed worker is started again for the first time (default 1 s). */
  firstRetryMs?: number;
  /** Called with what kept us from watching a job, or the jobs of others, e.g. a full disk; it is tried again. */
  onFault?(error: unknown, jobId?: string): void;
}

const FIRST_RETRY_MS = 1000;
/** How soon we try again to watch a job after a fault of our own. */
const FAULT_MS = 1000;
/** How often we look for jobs of the foreground whose process has gone, and for what they have left. */
const ORPHANS_MS = 30_000;

/**
 * Goes on with the jobs that a server before it has left.
 * @throws SluiceError HOME_IN_USE when another server runs on the same `SLUICE_HOME`
 */
export async function openSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { config, store, maxJobs, firstRetryMs = FIRST_RETRY_MS, onFault } = options;
  const release = claimHome(config);
  const listeners = new Set<(event: JobEvent) => void>();
  const running = new Map<string, JobRun>();
  /** Ids of jobs, in the order of their creation. */
  const queue: string[] = [];
  let isClosed = false;

  const tell = (event: JobEvent) => {
    for (const listener of listeners) listener(event);
  };
  const processes = processLauncher(config);
  const containers = dockerLauncher(config);
  const launcherOf = ({ container }: JobRecord) => (container ? containers : processes);
  const context: JobContext = { config, store, launcherOf, firstRetryMs, tell };

  const start = (record: JobRecord, isFresh: boolean) => {
    const run = runServiceJob(context, record, isFresh);
    running.set(record.id, run);
    run.finished.then(
      () => {
        running.delete(record.id);
        startQueued();
      },
      error => {
        onFault?.(error, record.id);
        setTimeout(() => startAgain(record.id), FAULT_MS).unref();
      },
    );
  };
  const startAgain = (id: string) => {
    if (isClosed) return;
    running.delete(id);
    const record = store.jobs.get(id);
    if (!record || isEnded(record.state)) return startQueued();
    start(record, record.state === 'QUEUED');
  };
  const startQueued = () => {
    for (let at = 0; !isClosed && running.size < maxJobs && at < queue.length; ) {
      const record = store.jobs.get(queue[at] ?? '');
      if (record && isWaiting(store, record)) at++;
      else {
        queue.splice(at, 1);
        if (record && !isEnded(record.state)) start(record, true);
      }
    }
  };

  const isActive = (id: string) => {
    const record = store.jobs.get(id);
    return record !== undefined && !isEnded(record.state);
  };

  const note = (jobId: string, text: string) => {
    const time = Date.now();
    for (const message of store.messages.add([{ jobId, time, severity: 'INFO', text }]))
      tell({ type: 'message', message });
  };

  /** What replaces another job takes its place: it comes before all that wait for theirs. */
  const enqueue = (record: JobRecord) => {
    if (takesOver(record)) queue.unshift(record.id);
    else queue.push(record.id);
  };

  for (const record of store.jobs.active('service')) {
    if (record.state === 'QUEUED' || isWaiting(store, record)) enqueue(record);
    else start(record, false);
  }
  startQueued();

  /** False until it is known that containers of no ended job are left. */
  let isClean = false;
  const failOrphans = async () => {
    const failed = await orphaned({ config, store });
    for (const job of failed) tell({ type: 'state', job });
    if (failed.some(({ container }) => container)) isClean = false;
    if (!isClean) isClean = await removeLeftovers(config, isActive);
  };
  let looking: Promise<void>;
  const lookForOrphans = () => {
    looking = failOrphans().catch(error => onFault?.(error));
    return looking;
  };
  await lookForOrphans();
  const timer = setInterval(lookForOrphans, ORPHANS_MS).unref();

  const stop: Supervisor['stop'] = async (jobId, wish) => {
    const before = store.jobs.require(jobId);
    const after = store.transaction(() => noteWish(store, jobId, wish));
    if (after.state !== before.state) {
      note(jobId, describeStop(after));
      tell({ type: 'state', job: after });
    }
    if (isEnded(after.state)) {
      remove(queue, jobId);
      await forgetSecrets(config, jobId);
    } else await running.get(jobId)?.obey();
    return after;
  };

  const take = async (job: Job, record: JobRecord, insert: () => unknown): Promise<JobRecord> => {
    await saveJob(config, job);
    try {
      insert();
    } catch (error) {
      await rm(jobDirectory(config, job.id), { recursive: true, force: true });
      throw error;
    }
    tell({ type: 'state', job: record });
    enqueue(record);
    startQueued();
    return store.jobs.require(record.id);
  };

  return {
    stop,
    launch: (job, record) => take(job, record, () => store.jobs.insert(record)),
    async replace(jobId, job, record) {
      const replacing = { ...record, replaces: jobId };
      const taken = await take(job, replacing, () => store.jobs.replace(jobId, replacing));
      note(jobId, `handing over to job ${job.id}`);
      await running.get(jobId)?.obey();
      return taken;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    load: () => ({ queued: queue.length, running: running.size }),
    async close({ drain }) {
      if (isClosed) return;
      if (drain) {
        const streams = [...running].filter(([id]) => isDrainable(store.jobs.require(id)));
        queue.length = 0;
        await Promise.all(streams.map(([id, { finished }]) => stop(id, 'DRAINED').then(() => finished)));
      }
      isClosed = true;
      clearInterval(timer);
      await looking;
      for (const run of running.values()) run.leave();
      await Promise.allSettled([...running.values()].map(run => run.finished));
      release();
    },
  };
}

function claimHome(config: Config): () => void {
  const directory = join(config.home, 'server');
  const release = claim(directory);
  if (release) return release;
  const pid = holderOf(directory)?.pid;
  const who = pid === undefined ? 'another server' : `a server (process ${pid})`;
  throw new SluiceError('HOME_IN_USE', `${who} runs on ${config.home} already: stop it, or set SLUICE_HOME`);
}

/** Notes what is asked of a job, and the state that it comes to by this alone. */
function noteWish({ jobs }: Store, id: string, wish: Exclude<Wish, 'UPDATED'>): JobRecord {
  const record = jobs.require(id);
  const { state, streaming, owner, wish: before, replacedBy } = record;
  if (isEnded(state)) throw new SluiceError('JOB_ENDED', `Job has terminated: ${id} is ${state}`);
  if (wish === 'DRAINED' && !streaming)
    throw new SluiceError('JOB_NOT_DRAINABLE', `${id} is a batch job, which cannot be drained: cancel it`);
  if (wish === 'DRAINED' && before === 'UPDATED')
    throw new SluiceError('JOB_NOT_DRAINABLE', `${id} is handing over to job ${replacedBy}: drain that one`);
  // What has not been started has nothing to drain, nor to clean up, but for what it takes over.
  const isNothing = state === 'QUEUED' && owner === 'service' && !takesOver(record);
  const asked = isNothing ? 'CANCELLED' : wish;
  if (before === asked) return jobs.require(id);
  jobs.wish(id, asked);
  if (asked === 'DRAINED') return jobs.move(id, 'DRAINING') ?? jobs.require(id);
  return jobs.move(id, isNothing ? 'CANCELLED' : 'CANCELLING') ?? jobs.require(id);
}

const isDrainable = ({ streaming, wish }: JobRecord): boolean => streaming && wish !== 'UPDATED';

function describeStop({ state }: JobRecord): string {
  if (state === 'CANCELLED') return 'stopped before it was started';
  return state === 'DRAINING'
    ? 'draining: what was read is being written'
    : 'cancelling: what is not yet published is given up';
}

function remove(queue: string[], id: string): void {
  const place = queue.indexOf(id);
  if (place >= 0) queue.splice(place, 1);
}
