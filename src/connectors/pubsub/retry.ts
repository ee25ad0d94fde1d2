/** Which answers of Pub/Sub are final, which are tried again, and how long. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Verdict = 'retry' | 'final';

/** By gRPC status; what is not here is final. */
export const verdicts: Readonly<Record<number, { name: string; verdict: Verdict }>> = {
  1: { name: 'CANCELLED', verdict: 'retry' },
  2: { name: 'UNKNOWN', verdict: 'retry' },
  3: { name: 'INVALID_ARGUMENT', verdict: 'final' },
  4: { name: 'DEADLINE_EXCEEDED', verdict: 'retry' },
  5: { name: 'NOT_FOUND', verdict: 'final' },
  6: { name: 'ALREADY_EXISTS', verdict: 'final' },
  7: { name: 'PERMISSION_DENIED', verdict: 'final' },
  8: { name: 'RESOURCE_EXHAUSTED', verdict: 'retry' },
  9: { name: 'FAILED_PRECONDITION', verdict: 'final' },
  10: { name: 'ABORTED', verdict: 'retry' },
  11: { name: 'OUT_OF_RANGE', verdict: 'final' },
  12: { name: 'UNIMPLEMENTED', verdict: 'final' },
  13: { name: 'INTERNAL', verdict: 'retry' },
  14: { name: 'UNAVAILABLE', verdict: 'retry' },
  15: { name: 'DATA_LOSS', verdict: 'final' },
  16: { name: 'UNAUTHENTICATED', verdict: 'final' },
};

/** Waits between the attempts; one more attempt follows the last: about a minute in all. */
export const RETRY_DELAYS_MS = [50, 100, 250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000] as const;

/** Before a job has begun, who waits would rather know. */
export const ATTEMPTS_AT_OPENING = 6;

/** What a retry waits after its `attempt`th failure (from 0), or undefined when it is time to give up. */
export function retryDelayMs(attempt: number): number | undefined {
  const delay = RETRY_DELAYS_MS[attempt];
  // Spread, so that many workers do not come back at the same moment.
  return delay && delay * (0.75 + Math.random() / 2);
}

export function verdictOf(error: unknown): Verdict {
  return verdicts[statusOf(error) ?? -1]?.verdict ?? 'final';
}

/** The gRPC status of an error, or undefined when it is none. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') return error.code;
  return undefined;
}

export const isNotFound = (error: unknown): boolean => statusOf(error) === 5;
export const isAlreadyExists = (error: unknown): boolean => statusOf(error) === 6;

export interface Retries {
  attempts?: number | undefined;
  /** Ends the trying, and the waiting. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs `work` until it succeeds, its error is final or it is time to give up: throws the last error then.
 * `between` runs before each new attempt.
 */
export async function retrying<T>(
  work: () => Promise<T>,
  between: () => Promise<void>,
  { attempts = RETRY_DELAYS_MS.length + 1, signal }: Retries = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const delayMs = retryDelayMs(attempt);
      const isLast = delayMs === undefined || attempt + 1 >= attempts || signal?.aborted;
      if (isLast || verdictOf(error) === 'final') throw error;
      await sleep(delayMs, undefined, { signal }).catch(() => {});
      await between();
    }
  }
}
