/** What became of a job. */
import type { JobMessage } from '../../store/messages.ts';
import type { JobProgress } from '../../store/progress.ts';
import type { JobRecord } from '../../store/record.ts';

/** Told after it is in the store. */
export type JobEvent =
  | { type: 'state'; job: JobRecord }
  | { type: 'progress'; jobId: string; progress: JobProgress }
  | { type: 'message'; message: JobMessage };
