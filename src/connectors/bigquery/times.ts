/** Times as the Storage API counts them, and as rows have them. */

const MICROS_PER_DAY = 86_400_000_000n;
const MS_PER_DAY = 86_400_000;

/** `2026-11-20T10:00:00.25Z` of microseconds since the epoch. */
export function isoTimestamp(micros: bigint): string {
  const seconds = floorDivide(micros, 1_000_000n);
  const fraction = micros - seconds * 1_000_000n;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -5)}${fractionOf(fraction)}Z`;
}

/** `10:05:00.25` of microseconds since midnight. */
export function isoTime(micros: bigint): string {
  return isoTimestamp(micros % MICROS_PER_DAY).slice(11, -1);
}

/** `2026-11-20` of days since the epoch. */
export const isoDate = (days: number): string => new Date(days * MS_PER_DAY).toISOString().slice(0, 10);

/** Microseconds since the epoch of a timestamp that a table takes: `2026-11-20 10:00:00.25+00:00`. */
export function microsOf(timestamp: string): bigint {
  const [, day = '', time = '', fraction = '', zone = ''] =
    /^(\S+) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(.*)$/.exec(timestamp) ?? [];
  const seconds = BigInt(Date.parse(`${day}T${time}${zone}`) / 1000);
  return seconds * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** Days since the epoch of `2026-11-20`. */
export const daysOf = (date: string): number => Date.parse(`${date}T00:00:00Z`) / MS_PER_DAY;

const fractionOf = (micros: bigint): string => (micros === 0n ? '' : `.${String(micros).padStart(6, '0')}`);

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
