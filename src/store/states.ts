/** The states of a job and the only moves between them: one place, for every launcher and every interface. */

export const jobStates = [
  'QUEUED',
  'PENDING',
  'RUNNING',
  'DRAINING',
  'CANCELLING',
  'DONE',
  'FAILED',
  'CANCELLED',
  'DRAINED',
  'UPDATED',
] as const;

export type JobState = (typeof jobStates)[number];

/** What somebody has asked of a job: to stop at once, to end cleanly, or to make room for its successor. */
export type Wish = 'CANCELLED' | 'DRAINED' | 'UPDATED';

const moves: Record<JobState, readonly JobState[]> = {
  QUEUED: ['PENDING', 'CANCELLING', 'CANCELLED', 'FAILED'],
  PENDING: ['RUNNING', 'DRAINING', 'CANCELLING', 'CANCELLED', 'FAILED'],
  RUNNING: ['DRAINING', 'CANCELLING', 'CANCELLED', 'DONE', 'DRAINED', 'FAILED', 'UPDATED'],
  DRAINING: ['CANCELLING', 'CANCELLED', 'DONE', 'DRAINED', 'FAILED'],
  CANCELLING: ['CANCELLED', 'FAILED'],
  DONE: [],
  FAILED: [],
  CANCELLED: [],
  DRAINED: [],
  UPDATED: [],
};

/** True when a job in this state may go to that one; what comes late, or would go back, may not. */
export const mayMove = (from: JobState, to: JobState): boolean => moves[from].includes(to);

/** True when nothing more will become of the job, unless somebody resumes it. */
export const isEnded = (state: JobState): boolean => moves[state].length === 0;

/** The states in which a job has not come to its end. */
export const activeStates: readonly JobState[] = jobStates.filter(state => !isEnded(state));
