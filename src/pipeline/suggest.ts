/** The near miss: what a mistyped name was probably meant to be. */
import { closest, distance } from 'fastest-levenshtein';

/** `: did you mean X?`, or what there is to choose from; empty when there is nothing. */
export function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const near = nearest(name, known);
  return near ? `: did you mean ${near}?` : `: there is ${listed(known)}`;
}

/** The known name that differs in few letters or only in case. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const short = name.slice(0, 100);
  const lower = short.toLowerCase();
  const near = closest(
    lower,
    known.map(each => each.toLowerCase()),
  );
  const tolerated = Math.max(1, Math.floor(short.length / 3));
  if (distance(lower, near) > tolerated) return undefined;
  return known.find(each => each.toLowerCase() === near);
}

/** `a, b and c`. */
export function listed(names: readonly string[], word: 'and' | 'or' = 'and'): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}
