/** What is wished of a program, as signals, and what its end means under that wish. */
import { readFileSync } from 'node:fs';
import { wishFile } from '../../worker/places.ts';
import type { WorkerEvent, WorkerWish } from '../../worker/protocol.ts';
import type { WorkerEnd } from '../launcher.ts';
import type { ProgramReport } from './program-report.ts';

/** What the job's file of wishes says. */
export function orderIn(jobFile: string): WorkerWish | undefined {
  try {
    const { wish } = JSON.parse(readFileSync(wishFile(jobFile), 'utf8'));
    return wish === 'drain' || wish === 'cancel' ? wish : undefined;
  } catch {
    // Nothing was wished.
    return undefined;
  }
}

/** Both are the same to a program; one that drains already is not asked twice, and is killed if it takes too long. */
export const signalFor = (_wish: WorkerWish, before: WorkerWish | undefined): NodeJS.Signals | undefined =>
  before === undefined ? 'SIGTERM' : undefined;

const SIGTERM_STATUS = 128 + 15;

/** Zero is a good end, unless the program itself says otherwise. */
export function endOfProgram(
  { how, status, lastWords, failure }: WorkerEnd,
  { progress, outputs, failure: told }: ProgramReport,
  wish: WorkerWish | undefined,
): Extract<WorkerEvent, { type: 'ended' | 'failed' }> {
  const failed = (message: string) =>
    ({ type: 'failed', code: failure?.code ?? 'PROGRAM_FAILED', message, progress }) as const;
  if (wish === 'cancel') return { type: 'ended', state: 'CANCELLED', progress, outputs };
  if (failure) return failed(failure.message);
  if (told !== undefined) return failed(`the program failed: ${told}`);
  if (status === 0) return { type: 'ended', state: wish === 'drain' ? 'DRAINED' : 'DONE', progress, outputs };
  if (wish === 'drain' && status === SIGTERM_STATUS)
    return failed(
      'the program was ended by SIGTERM, by which it was asked to drain: it must handle that signal, and then end with status 0',
    );
  return failed(`the program ${how}${lastWords && `: ${lastWords}`}`);
}
