/**
 * Corrects the place in a record: `Bremn` becomes `Bremen`. What is like no place that is known fails, and becomes a
 * dead letter.
 */
import { closest, distance } from 'fastest-levenshtein';

const known = ['Berlin', 'Bonn', 'Bremen', 'Dresden', 'Hamburg', 'Leipzig', 'Potsdam', 'Rostock'];

/** Letters that may be wrong. */
const MOST = 2;

export function places(payload) {
  const record = JSON.parse(payload);
  if (record.place === undefined) return null;
  const place = closest(record.place, known);
  if (distance(record.place, place) > MOST) throw new Error(`no place is like ${record.place}`);
  return JSON.stringify({ ...record, place });
}
