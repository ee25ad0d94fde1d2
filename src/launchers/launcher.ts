/** What starts workers that outlive their launcher, and finds them again. */

import type { ErrorCode } from '../errors.ts';

export interface Launcher {
  /** Starts a worker, which speaks through the files of its folder (see `worker/files.ts`). */
  start(jobFile: string, index: number): LaunchedWorker;
  /** The worker that runs in this folder, whoever started it. */
  find(jobFile: string, index: number): Promise<LaunchedWorker | undefined>;
}

export interface LaunchedWorker {
  /** How it ended; never settles after `forget`. */
  readonly ended: Promise<WorkerEnd>;
  /** Ends it, whatever it does. */
  kill(): void;
  /** Stops watching it; it goes on. */
  forget(): void;
}

export interface WorkerEnd {
  /** In words, e.g. `was killed by SIGKILL`. */
  how: string;
  /** Known of those we have started ourselves. */
  status?: number;
  /** The last it said on stderr. */
  lastWords: string;
  /** Why it ended, where the launcher knows it better than the worker could tell, e.g. that there is no such image. */
  failure?: { code: ErrorCode; message: string };
}
