/** What is done about a worker that has failed. */
import { type ErrorCode, errorKinds } from '../../errors.ts';

/**
 * `limited`: started again from its checkpoint, so often without progress; `patient`: a streaming job that has run
 * waits for as long as it takes, any other is limited; `begun`: so does every job that has run. All other codes are
 * final: the next attempt would end as this one.
 */
const attempts: Partial<Record<ErrorCode, 'limited' | 'patient' | 'begun'>> = {
  WORKER_LOST: 'limited',
  INTERNAL: 'limited',
  WAREHOUSE_MEMORY: 'limited',
  SERVICE_UNREACHABLE: 'patient',
  DISK_FULL: 'patient',
  WAREHOUSE_BUSY: 'patient',
  MEMORY_LIMIT: 'limited',
  ENGINE_REFUSED: 'limited',
  // Nothing is wrong with the job, and what it has done is kept.
  ENGINE_UNREACHABLE: 'begun',
};

/** How often a worker is started again without having come further. */
export const MAX_RESTARTS = 5;
const LONGEST_WAIT_MS = 60_000;

/** Whether a worker that failed so often in a row, without a new checkpoint between, is started again. */
export function isStartedAgain(
  code: string,
  failures: number,
  { streaming, hasCheckpoint }: { streaming: boolean; hasCheckpoint: boolean },
): boolean {
  const rule = attempts[code as ErrorCode];
  if (hasCheckpoint && (rule === 'begun' || (rule === 'patient' && streaming))) return true;
  return rule !== undefined && failures <= MAX_RESTARTS;
}

/** How long to wait after so many failures in a row: twice as long each time. */
export const waitAfter = (failures: number, firstMs: number): number =>
  Math.min(LONGEST_WAIT_MS, firstMs * 2 ** Math.min(failures - 1, 16));

/** True for what was refused before anything was read: the other workers clean up. */
export const isRefusal = (code: string): boolean => errorKinds[code as ErrorCode]?.exit === 2;
