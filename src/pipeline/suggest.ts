/** The near miss: what a mistyped name was probably meant to be. */
import { closest, distance } from 'fastest-levenshtein';

/** `: did you mean X?`, or what there is to choose from; empty when there is nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near === undefined && known.length === 0) return '';
  return near ? `: did you mean ${near}?` : `: there is ${listed(known)}`;
}

/** `; did you mean X?`, where there is a near name; else empty. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near ? `; did you mean ${near}?` : '';
}

/** The known name that differs in few letters or only in case. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const short = name.slice(0, 100);
  const lower = short.toLowerCase();
  const near = closest(
    lower,
    known.map(each => each.toLowerCase()),
  );
  // In a short name two letters are half of it, unless they have only changed places.
  const tolerated = Math.max(1, Math.floor((short.length + 1) / 3));
  if (distance(lower, near) > tolerated && lettersOf(lower) !== lettersOf(near)) return undefined;
  return known.find(each => each.toLowerCase() === near);
}

const lettersOf = (name: string): string => [...name].sort().join('');

/** `a, b and c`. */
export function listed(names: readonly string[], word: 'and' | 'or' = 'and'): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}
