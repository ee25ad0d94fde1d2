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
  DRAINING: ['CANCELLING', 'CANCELLED', 'DRAINED', 'FAILED'],
  CANCELLING: ['CANCELLED', 'FAILED'],
  DONE: [],
  FAILED: [],
  CANCELLED: [],
  DRAINED: [],
  UPDATED: [],
};

/**
 * The state that a job comes to when something says it goes to `to`; undefined when that comes too late or would lead
 * back, so that nothing changes. Who has asked for an end is told that one, also when the last element was faster.
 */
export function nextState(from: JobState, to: JobState, wish?: Wish): JobState | undefined {
  const isCancelled = from === 'CANCELLING' || wish === 'CANCELLED';
  if (isCancelled && !isEnded(to) && to !== 'CANCELLING') return undefined;
  const asWished = isCancelled && to !== 'FAILED' && isEnded(to) ? 'CANCELLED' : to;
  const next = from === 'DRAINING' && asWished === 'DONE' ? 'DRAINED' : asWished;
  return moves[from].includes(next) ? next : undefined;
}

/** True when nothing more will become of the job, unless somebody resumes it. */
export const isEnded = (state: JobState): boolean => moves[state].length === 0;

/** The states in which a job has not come to its end. */
export const activeStates: readonly JobState[] = jobStates.filter(state => !isEnded(state));
