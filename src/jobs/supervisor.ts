/** Runs the jobs of the service: starts what is queued, watches what runs, and starts again what crashed. */
import type { Config } from '../config.ts';
import type { JobMessage } from '../store/messages.ts';
import type { JobProgress } from '../store/progress.ts';
import type { JobRecord } from '../store/record.ts';
import type { Wish } from '../store/states.ts';
import type { Store } from '../store/store.ts';
import type { Job } from '../worker/job-file.ts';

/** Something became of a job; told after it is in the store. */
export type JobEvent =
  | { type: 'state'; job: JobRecord }
  | { type: 'progress'; jobId: string; progress: JobProgress }
  | { type: 'message'; message: JobMessage };

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
   * @throws SluiceError JOB_NOT_FOUND, JOB_ENDED
   */
  stop(jobId: string, wish: Exclude<Wish, 'UPDATED'>): Promise<JobRecord>;
  /** Calls `listener` with each event until the function it gives is called. */
  subscribe(listener: (event: JobEvent) => void): () => void;
  /** How many jobs wait, and how many run. */
  load(): { queued: number; running: number };
  /** Ends the watching; workers go on and are found again, or drain first. */
  close(options: { drain: boolean }): Promise<void>;
}

export interface SupervisorOptions {
  config: Config;
  store: Store;
  /** How many jobs run at the same time; others wait. */
  maxJobs: number;
}
