/** What a call to an object store failed with, as an error for the user. */
import { asSluiceError, SluiceError, systemCode } from '../../errors.ts';
import { retrying, statusOf, verdictOf } from './retry.ts';

/** Calls, and again as the table says; throws a SluiceError that names the path. @param between runs after a failure */
export async function answered<T>(
  path: string,
  work: () => Promise<T>,
  { attempts, between, signal }: { attempts?: number; between?: () => void; signal?: AbortSignal } = {},
): Promise<T> {
  const attempt = async () => {
    try {
      return await work();
    } catch (error) {
      between?.();
      throw error;
    }
  };
  try {
    return await retrying(attempt, { attempts, signal });
  } catch (error) {
    throw failureOf(error, path, 'read');
  }
}

export function failureOf(error: unknown, path: string, doing: 'read' | 'write'): SluiceError {
  if (error instanceof SluiceError) return error;
  const verdict = verdictOf(error);
  const told = textOf(error);
  const fail = (code: ConstructorParameters<typeof SluiceError>[0], text: string) =>
    new SluiceError(code, text, { cause: error });
  if (verdict === 'retry')
    return fail('SERVICE_UNREACHABLE', `the store of ${path} does not answer: ${told}`);
  if (verdict === 'denied') return fail('AUTHENTICATION_FAILED', `the store of ${path} refuses us: ${told}`);
  if (verdict === 'changed') return fail('INPUT_UNREADABLE', `${path} has been replaced since it was found`);
  if (statusOf(error) === 404) return fail('INPUT_NOT_FOUND', `${path}: there is no such bucket or object`);
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return asSluiceError(error);
  return doing === 'read'
    ? fail('INPUT_UNREADABLE', `${path} cannot be read: ${told}`)
    : fail('OUTPUT_UNWRITABLE', `${path} cannot be written: ${told}`);
}

const MAX_TOLD = 300;

/** What the client says, in one line: some quote a whole page of the server. */
function textOf(error: unknown): string {
  const status = statusOf(error);
  const { message = String(error) } = error as { message?: string };
  const line = message.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_TOLD);
  return status === undefined ? line : `${status} ${line}`;
}
