/**
 * Sums that do not depend on the order or on how they are split: integers exactly, others rounded once, at the end.
 * A sum of integers is a number or, beyond 2^53, a bigint; as soon as a fraction is in it, it is a list of doubles
 * that do not overlap (Shewchuk's expansions), whose exact sum is the sum.
 */

/** Plain data, so that it can be written to a file; `null`: beyond what a double holds. */
export type ExactSum = number | bigint | number[] | null;

export function addExactly(sum: ExactSum, value: number | bigint): ExactSum {
  if (typeof sum === 'number' && typeof value === 'number') {
    const total = sum + value;
    if (Number.isSafeInteger(total) && Number.isInteger(value)) return total;
  }
  return mergeSums(sum, value);
}

/** The sum of both; the first may be reused. */
export function mergeSums(sum: ExactSum, other: ExactSum): ExactSum {
  if (sum === null || other === null) return null;
  if (isInteger(sum) && isInteger(other)) return narrowed(BigInt(sum) + BigInt(other));
  const parts = partsOf(sum);
  for (const part of partsOf(other)) grow(parts, part);
  return parts.every(Number.isFinite) ? parts : null;
}

/** The sum as a value of a row. */
export function sumValue(sum: ExactSum): number | bigint | null {
  if (!Array.isArray(sum)) return sum;
  const value = roundedSum(sum);
  return Number.isFinite(value) ? value : null;
}

/** The sum divided by a count, rounded as a double is. */
export function meanValue(sum: ExactSum, count: number): number | null {
  const value = sumValue(sum);
  return value === null ? null : Number(value) / count;
}

const isInteger = (sum: number | bigint | number[]): sum is number | bigint =>
  typeof sum === 'bigint' || (typeof sum === 'number' && Number.isSafeInteger(sum));

function narrowed(sum: bigint): number | bigint {
  return Number.isSafeInteger(Number(sum)) ? Number(sum) : sum;
}

function partsOf(sum: number | bigint | number[]): number[] {
  if (Array.isArray(sum)) return sum;
  if (typeof sum === 'number') return [sum];
  const parts: number[] = [];
  // Each double takes the leading bits of what is left.
  for (let rest = sum; rest !== 0n && parts.every(Number.isFinite); ) {
    const part = Number(rest);
    grow(parts, part);
    if (Number.isFinite(part)) rest -= BigInt(part);
  }
  return parts;
}

/** Adds a value to the parts, from the smallest to the largest, without losing a bit. */
function grow(parts: number[], value: number): void {
  let rest = value;
  let kept = 0;
  for (const part of parts) {
    const [large, small] = Math.abs(rest) < Math.abs(part) ? [part, rest] : [rest, part];
    const high = large + small;
    const low = small - (high - large);
    if (low !== 0) parts[kept++] = low;
    rest = high;
  }
  parts.length = kept;
  parts.push(rest);
}

/** The double next to the sum of the parts; of two as near, the even one. */
function roundedSum(parts: readonly number[]): number {
  let i = parts.length - 1;
  let high = parts[i] ?? 0;
  let low = 0;
  while (i > 0 && low === 0) {
    const sum = high;
    const part = parts[--i] ?? 0;
    high = sum + part;
    low = part - (high - sum);
  }
  const next = parts[i - 1] ?? 0;
  if (i > 0 && ((low < 0 && next < 0) || (low > 0 && next > 0))) {
    const doubled = low * 2;
    const rounded = high + doubled;
    if (doubled === rounded - high) return rounded;
  }
  return high;
}
