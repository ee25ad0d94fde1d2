/** Which answers of BigQuery are final, which are tried again, and how long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';

/** `login`: who we are, or what we may do, is not accepted: nothing changes that before somebody mends it. */
export type Verdict = 'retry' | 'final' | 'login';

/** By the reason that an answer of the REST interface gives; the status decides where there is none of these. */
export const reasonVerdicts: Readonly<Record<string, Verdict>> = {
  accessDenied: 'login',
  backendError: 'retry',
  billingNotEnabled: 'login',
  blocked: 'login',
  duplicate: 'final',
  internalError: 'retry',
  invalid: 'final',
  invalidQuery: 'final',
  jobBackendError: 'retry',
  jobInternalError: 'retry',
  jobRateLimitExceeded: 'retry',
  notFound: 'final',
  quotaExceeded: 'retry',
  rateLimitExceeded: 'retry',
  resourcesExceeded: 'final',
  responseTooLarge: 'final',
  stopped: 'final',
  tableUnavailable: 'retry',
};

/** By the status of HTTP; what is not here is final. */
export const statusVerdicts: Readonly<Record<number, Verdict>> = {
  401: 'login',
  403: 'login',
  404: 'final',
  408: 'retry',
  409: 'final',
  429: 'retry',
  500: 'retry',
  502: 'retry',
  503: 'retry',
  504: 'retry',
};

/** By the status of gRPC, which the Storage API answers with; what is not here is final. */
export const grpcVerdicts: Readonly<Record<number, Verdict>> = {
  1: 'retry', // CANCELLED
  2: 'final', // UNKNOWN
  3: 'final', // INVALID_ARGUMENT
  4: 'retry', // DEADLINE_EXCEEDED
  5: 'final', // NOT_FOUND: the stream or the table is gone
  6: 'final', // ALREADY_EXISTS: the rows at this offset are there
  7: 'login', // PERMISSION_DENIED
  8: 'retry', // RESOURCE_EXHAUSTED
  9: 'final', // FAILED_PRECONDITION
  10: 'retry', // ABORTED
  11: 'final', // OUT_OF_RANGE: rows before this offset are missing
  12: 'final', // UNIMPLEMENTED
  13: 'retry', // INTERNAL
  14: 'retry', // UNAVAILABLE
  16: 'login', // UNAUTHENTICATED
};

/** Those of the system, when there is no connection. */
const SYSTEM = /^(?:E[A-Z]+|UND_ERR_\w+)$/;
const NO_CONNECTION =
  /ECONN|ETIMEDOUT|EPIPE|EAI_AGAIN|ENOTFOUND|socket hang up|network|fetch failed|aborted/i;

export function verdictOf(error: unknown): Verdict {
  if (error instanceof SluiceError) return 'final';
  const code = codeOf(error);
  if (typeof code === 'string' && SYSTEM.test(code)) return 'retry';
  if (typeof code === 'number' && code < 100) return grpcVerdicts[code] ?? 'final';
  if (typeof code === 'number')
    return reasonVerdicts[reasonOf(error) ?? ''] ?? statusVerdicts[code] ?? 'final';
  return error instanceof Error && NO_CONNECTION.test(error.message) ? 'retry' : 'final';
}

/** The status of HTTP or gRPC, or the system's code. */
export function codeOf(error: unknown): number | string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' || typeof code === 'string' ? code : undefined;
}

export const isNotFound = (error: unknown): boolean => codeOf(error) === 404 || codeOf(error) === 5;
export const isDuplicate = (error: unknown): boolean => codeOf(error) === 409 || codeOf(error) === 6;

/** How often something is tried again: about four minutes in all. */
export const PATIENT = 30;
/** How often when a job begins: a server that is not there is told soon. */
export const BRIEF = 6;

const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** After the `attempt`th failure in a row (from 0), spread so that not all come back at once. */
export const delayMs = (attempt: number): number =>
  Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16)) * (0.75 + Math.random() / 2);

/** Runs `work` until it succeeds or its error is final; throws what names BigQuery then, or the error itself. */
export async function retrying<T>(work: () => Promise<T>, times = PATIENT): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (verdictOf(error) !== 'retry') throw refusalOf(error);
      if (attempt >= times) throw unreachable(error);
      await sleep(delayMs(attempt));
    }
  }
}

/** A refused login as ours; other errors as they are, for whoever knows what was asked. */
function refusalOf(error: unknown): unknown {
  if (verdictOf(error) !== 'login') return error;
  return new SluiceError('AUTHENTICATION_FAILED', `BigQuery refuses us: ${messageOf(error)}`, {
    cause: error,
  });
}

const unreachable = (error: unknown): SluiceError =>
  new SluiceError('SERVICE_UNREACHABLE', `BigQuery does not answer: ${messageOf(error)}`, { cause: error });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function reasonOf(error: unknown): string | undefined {
  const errors = error instanceof Error && 'errors' in error ? error.errors : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const reason = typeof first === 'object' && first !== null && 'reason' in first ? first.reason : undefined;
  return typeof reason === 'string' ? reason : undefined;
}
