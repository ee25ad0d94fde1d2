/** How a call into an isolate ended. */

/** `stray`: it ran, but left a rejected promise that nobody handles, which isolated-vm throws when all is done. */
export type Ending = 'done' | 'stray' | 'timeout' | 'memory';

/** Runs an action that calls into an isolate; whatever the isolate throws becomes a word. */
export function attempt(action: () => void): Ending {
  try {
    action();
    return 'done';
  } catch (error) {
    return endingOf(error);
  }
}

/** What an error that a call into an isolate threw says of the call. */
export function endingOf(error: unknown): Exclude<Ending, 'done'> {
  const message = error instanceof Error ? error.message : '';
  if (message === 'Script execution timed out.') return 'timeout';
  return /^Isolate (was|is) disposed/.test(message) ? 'memory' : 'stray';
}

export const hasRun = (ending: Ending): boolean => ending === 'done' || ending === 'stray';
