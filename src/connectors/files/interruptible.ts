/** Lets reads be interrupted that wait for a server. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, Source } from '../../engine/component.ts';

/** A source that hears of the interruption itself gets so long to say what it has. */
const GRACE_MS = 20;

/** The same source, but that an interrupted read goes on behind the scenes: the next one gets what it gives. */
export function interruptible(source: Source): Source {
  let pending: ReturnType<Source['read']> | undefined;
  let before: Json = null;
  return {
    ...source,
    async read(signal) {
      if (!pending) {
        before = source.snapshot();
        pending = source.read(signal);
        // Whoever reads next gets the error; nobody may.
        pending.catch(() => {});
      }
      const given = await Promise.race([pending, interruption(signal)]);
      if (given === 'interrupted') return 'idle';
      pending = undefined;
      return given;
    },
    snapshot: () => (pending ? before : source.snapshot()),
  };
}

async function interruption(signal: AbortSignal): Promise<'interrupted'> {
  if (!signal.aborted)
    await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
  await sleep(GRACE_MS);
  return 'interrupted';
}
