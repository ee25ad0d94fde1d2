/** Takes turns: so many run at a time, so many wait, and whoever comes then is sent away. */
import { SluiceError } from '../errors.ts';

export interface TurnLimits {
  running: number;
  waiting: number;
  /** How long somebody may wait. */
  waitMs: number;
}

/** Resolves when it is one's turn, with the function that ends it. @throws SluiceError TOO_MANY_REQUESTS */
export type TakeTurn = (signal: AbortSignal) => Promise<() => void>;

export function turns({ running: most, waiting: mostWaiting, waitMs }: TurnLimits): TakeTurn {
  let running = 0;
  const waiting: (() => void)[] = [];

  const end = () => {
    running--;
    waiting.shift()?.();
  };
  const begin = (): (() => void) => {
    running++;
    let isOver = false;
    return () => {
      if (!isOver) end();
      isOver = true;
    };
  };

  return signal => {
    if (signal.aborted) return Promise.reject(tooMany(GONE));
    if (running < most) return Promise.resolve(begin());
    if (waiting.length >= mostWaiting)
      return Promise.reject(tooMany(`${running} tasks run and ${waiting.length} wait`));
    return new Promise((resolve, reject) => {
      const leave = (why: string) => {
        waiting.splice(waiting.indexOf(go), 1);
        stop();
        reject(tooMany(why));
      };
      const onAbort = () => leave(GONE);
      const timer = setTimeout(() => leave(`no turn came within ${waitMs / 1000} s`), waitMs);
      const stop = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const go = () => {
        stop();
        resolve(begin());
      };
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.push(go);
    });
  };
}

const GONE = 'nobody waits for the answer any more';

const tooMany = (why: string): SluiceError =>
  new SluiceError('TOO_MANY_REQUESTS', `the server has too much to do: ${why}`);
