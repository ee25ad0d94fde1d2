/** A steady rate: how many records are due, and how long to wait for the next ones. */

/** A wait is never shorter: more, smaller batches would only cost time. */
const TICK_MS = 20;
/** What a slow reader did not fetch within this time is given up, so that it never comes as one burst. */
const FORGIVEN_AFTER_MS = 1000;

export interface Pace {
  /** How many records are due at `now` (ms), at most `most`. */
  due(now: number, most: number): number;
  /** So many of them were made. */
  take(count: number): void;
  /** How many ms to wait until some are due. */
  waitMs(): number;
}

/** @param perSecond undefined: as fast as they are fetched */
export function createPace(perSecond: number | undefined, start: number): Pace {
  if (perSecond === undefined) return { due: (_, most) => most, take: () => {}, waitMs: () => 0 };
  const perMs = perSecond / 1000;
  const least = Math.max(1, Math.floor(perMs * TICK_MS));
  const saved = Math.max(1, perMs * FORGIVEN_AFTER_MS);
  let allowance = 0;
  let last = start;
  return {
    due(now, most) {
      allowance = Math.min(saved, allowance + Math.max(0, now - last) * perMs);
      last = now;
      const due = Math.min(Math.floor(allowance), most);
      return due >= Math.min(least, most) ? due : 0;
    },
    take(count) {
      allowance -= count;
    },
    waitMs: () => Math.max(1, (least - allowance) / perMs),
  };
}
