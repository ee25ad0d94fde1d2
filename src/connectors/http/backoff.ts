/** How long to wait before a request is sent again. */

const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** After the `attempt`th failure in a row (from 0): twice as long each time, and spread, so that not all come back at once. */
export const backoffMs = (attempt: number): number =>
  Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16)) * (0.75 + Math.random() / 2);
