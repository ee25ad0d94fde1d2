/** The near miss: what a mistyped name was probably meant to be. */
import { closest, distance } from 'fastest-levenshtein';

/** `; did you mean X?` where a known name differs from this one in few letters or only in case; else empty. */
export function didYouMean(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const lower = name.slice(0, 100).toLowerCase();
  const near = closest(
    lower,
    known.map(each => each.toLowerCase()),
  );
  if (distance(lower, near) > Math.max(2, Math.floor(lower.length / 3))) return '';
  return `; did you mean ${known.find(each => each.toLowerCase() === near)}?`;
}
