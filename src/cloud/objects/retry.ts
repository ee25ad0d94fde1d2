/** Which answers of an object store are final, which are tried again, and how long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';

/** `denied`: who we are, or what we may, is the reason; `changed`: the object is not the one that was meant. */
export type Verdict = 'retry' | 'final' | 'denied' | 'changed';

/** By the status of HTTP; what is not here is final, but for those from 500 on. */
export const verdicts: Readonly<Record<number, Verdict>> = {
  401: 'denied',
  403: 'denied',
  404: 'final',
  408: 'retry',
  409: 'retry',
  410: 'retry',
  412: 'changed',
  416: 'changed',
  425: 'retry',
  429: 'retry',
  501: 'final',
  505: 'final',
};

/** What the clients say before, or without, an answer, by the code or the name of the error. */
const byName: readonly [names: RegExp, verdict: Verdict][] = [
  [/^(?:CredentialsProviderError|ExpiredToken|InvalidAccessKeyId|SignatureDoesNotMatch)/, 'denied'],
  [/^(?:ERR_INVALID_URL|ERR_INVALID_ARG|ENOENT|EACCES|ENOSPC|EDQUOT|EISDIR)/, 'final'],
  [
    /^(?:E[A-Z]+|TimeoutError|RequestTimeout|NetworkingError|AbortError|ERR_STREAM_PREMATURE_CLOSE)$/,
    'retry',
  ],
  [/^(?:SlowDown|InternalError|ServiceUnavailable|FetchError)$/, 'retry'],
];

/** What a store says, or its client, when nobody has told it who we are, or what is told is not so. */
const NOBODY = /default credentials|invalid_grant|invalid_client|could not load credentials|private key/i;
const BROKEN = /socket hang up|premature close|terminated|aborted|network|fetch failed|Retry limit exceeded/i;

/** Waits between the attempts; one more attempt follows the last: about a minute in all. */
export const RETRY_DELAYS_MS = [100, 250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000] as const;
/** Before a job has begun, who waits would rather know. */
export const ATTEMPTS_AT_OPENING = 5;

/** What a retry waits after its `attempt`th failure (from 0), or undefined when it is time to give up. */
export function retryDelayMs(attempt: number): number | undefined {
  const delay = RETRY_DELAYS_MS[attempt];
  // Spread, so that many workers do not come back at the same moment.
  return delay && delay * (0.75 + Math.random() / 2);
}

export function verdictOf(error: unknown): Verdict {
  if (error instanceof SluiceError) return 'final';
  const status = statusOf(error);
  if (status !== undefined) return verdicts[status] ?? (status >= 500 ? 'retry' : 'final');
  if (!(error instanceof Error)) return 'final';
  const names = [codeOf(error), error.name];
  for (const [pattern, verdict] of byName)
    if (names.some(name => name !== undefined && pattern.test(name))) return verdict;
  if (NOBODY.test(error.message)) return 'denied';
  return BROKEN.test(error.message) ? 'retry' : 'final';
}

/** The status of HTTP in what one of the clients throws, not always an Error; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { $metadata, response, code, status } = error as Partial<
    Record<'$metadata' | 'response', { httpStatusCode?: unknown; status?: unknown }>
  > & { code?: unknown; status?: unknown };
  const found = [$metadata?.httpStatusCode, response?.status, status, code].map(Number);
  return found.find(number => number >= 300 && number < 600);
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export interface Retries {
  attempts?: number | undefined;
  verdict?: (error: unknown) => Verdict;
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
}

/** Runs `work` until it succeeds, its error is not one to try again after, or it is time to give up: throws that then. */
export async function retrying<T>(
  work: () => Promise<T>,
  { attempts = RETRY_DELAYS_MS.length + 1, verdict = verdictOf, signal }: Retries = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const delayMs = retryDelayMs(attempt);
      if (verdict(error) !== 'retry' || delayMs === undefined || attempt + 1 >= attempts || signal?.aborted)
        throw error;
      await sleep(delayMs, undefined, { signal }).catch(() => {});
    }
  }
}
