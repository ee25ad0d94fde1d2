/** Runs a job in containers to its end for this process, as the service does for its own. */
import { dockerLauncher } from '../launchers/docker/launcher.ts';
import { isEnded, type JobState, type Wish } from '../store/states.ts';
import type { JobHome } from '../store/store.ts';
import type { Job } from '../worker/job-file.ts';
import type { JobSummary } from './job.ts';
import type { JobListener, JobRun } from './run-job.ts';
import type { JobEvent } from './supervisor/job-event.ts';
import { runServiceJob } from './supervisor/job-run.ts';

/** How often we look whether somebody asks the job to stop. */
const LOOK_MS = 1000;
const FIRST_RETRY_MS = 1000;

/** Runs a job whose record is in the hands of this process (see `enter` and `takeUp`). */
export function runContainers({ config, store }: JobHome, job: Job, listener: JobListener = {}): JobRun {
  const { id } = job;
  const launcher = dockerLauncher(config);
  const tell = (event: JobEvent) => {
    if (event.type === 'progress') listener.onProgress?.(event.progress);
    if (event.type === 'state' && event.job.state === 'RUNNING') listener.onRunning?.();
    if (event.type === 'message') {
      const { time, severity, text, stage } = event.message;
      const told = { type: 'message', severity, text, time: new Date(time).toISOString() } as const;
      listener.onMessage?.({ ...told, ...(stage !== undefined && { stage }) });
    }
  };
  const context = { config, store, launcherOf: () => launcher, firstRetryMs: FIRST_RETRY_MS, tell };
  const run = runServiceJob(context, store.jobs.require(id), true);

  let obeyed: Wish | undefined;
  const ask = (wish: Wish, state: JobState) => {
    store.transaction(() => {
      if (isEnded(store.jobs.require(id).state)) return;
      store.jobs.wish(id, wish);
      store.jobs.move(id, state);
    });
    obeyed = wish;
    void run.obey();
  };
  const cancel = () => ask('CANCELLED', 'CANCELLING');
  /** Others ask through the record. */
  const timer = setInterval(() => {
    const { wish } = store.jobs.require(id);
    if (wish === obeyed) return;
    obeyed = wish;
    void run.obey();
  }, LOOK_MS);

  const summary = (): JobSummary => {
    const { templateId, replayOf, state, result } = store.jobs.require(id);
    if (!result) throw new Error(`job ${id} has ended without a result`);
    return {
      jobId: id,
      ...(templateId !== undefined && { templateId }),
      ...(replayOf !== undefined && { replayOf }),
      state,
      ...result,
    };
  };
  return {
    ended: run.finished.then(summary).finally(() => clearInterval(timer)),
    // A batch program knows of no drain.
    drain: () => (job.program && !job.streaming ? cancel() : ask('DRAINED', 'DRAINING')),
    cancel,
  };
}
