/** A pause that can be ended. */
export interface Alarm {
  /** Waits so long, or until it rings. */
  wait(ms: number): Promise<void>;
  ring(): void;
}

/** One at a time may wait for it; a ring while nobody waits ends the next wait at once. */
export function alarm(): Alarm {
  let hasRung = false;
  let wake: (() => void) | undefined;
  return {
    wait: ms =>
      new Promise(resolve => {
        const timer = setTimeout(() => wake?.(), hasRung ? 0 : ms);
        wake = () => {
          clearTimeout(timer);
          wake = undefined;
          hasRung = false;
          resolve();
        };
      }),
    ring: () => {
      hasRung = true;
      wake?.();
    },
  };
}
