/** Pseudo-random numbers from a seed: the same seed and state give the same records. Not for secrets. */
import { randomInt } from 'node:crypto';

export interface Random {
  /** A whole number from 0 up to, not including, 2^32. */
  next(): number;
  /** A number from 0 up to, not including, 1. */
  fraction(): number;
  /** What `createRandom` takes to go on from here. */
  state(): number[];
}

/** Seeded by a number, or going on from a state; otherwise different each time. */
export function createRandom(seed: number | readonly number[] = randomInt(2 ** 47)): Random {
  let [a = 0, b = 0, c = 0, counter = 1] =
    typeof seed === 'number' ? [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0x9e3779b9 | 0, 1] : seed;

  // sfc32: small, fast and good in statistical tests.
  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  // The first numbers of near seeds are alike.
  if (typeof seed === 'number') for (let i = 0; i < 15; i++) next();
  return { next, fraction: () => next() / 2 ** 32, state: () => [a, b, c, counter] };
}
