/** Entries in the order of their hashes: made of what lies in memory, and merged from many runs. */
import { collectReleased } from '../../engine/collect.ts';
import { type Entries, hashOf } from './runs.ts';

/** After so many entries what was read of them is collected: it dies too old for the small collections. */
const COLLECT_ENTRIES = 300_000;

/** Room for an index beside a hash of 32 bits, within the 53 bits of a number. */
const INDEX_SPAN = 2 ** 21;

/** The entries in the order of their hashes. @param cells at most 2 million */
export function sortedEntries<V>(cells: ReadonlyMap<string, V>): Entries<V> {
  const keys = [...cells.keys()];
  const values = [...cells.values()];
  // Hash and index in one number: sorting numbers is many times faster than sorting by a function.
  const order = new Float64Array(keys.length);
  for (let i = 0; i < keys.length; i++) order[i] = hashOf(keys[i] ?? '') * INDEX_SPAN + i;
  order.sort();
  const entries: Entries<V> = { hashes: [], keys: [], values: [] };
  for (const packed of order) {
    const hash = Math.floor(packed / INDEX_SPAN);
    const index = packed - hash * INDEX_SPAN;
    entries.hashes.push(hash);
    entries.keys.push(keys[index] ?? '');
    entries.values.push(values[index] as V);
  }
  return entries;
}

interface Cursor<V> {
  blocks: Iterator<Entries<V>>;
  current: Entries<V>;
  at: number;
}

/**
 * The entries of all sources, which are given from the oldest to the newest, each key once. They come in maps, each of
 * which holds all keys of a range of hashes: as far as the block reaches that ends first.
 */
export function* mergeEntries<V>(
  sources: readonly Iterator<Entries<V>>[],
  merge: (older: V, newer: V) => V,
): Generator<Map<string, V>> {
  let cursors = sources.flatMap(blocks => opened(blocks) ?? []);
  let read = 0;
  while (cursors.length > 0) {
    const upTo = Math.min(...cursors.map(({ current }) => current.hashes.at(-1) ?? 0));
    const chunk = new Map<string, V>();
    for (const cursor of cursors) read += takeUpTo(upTo, cursor, chunk, merge);
    yield chunk;
    if (read >= COLLECT_ENTRIES) {
      read = 0;
      collectReleased();
    }
    cursors = cursors.flatMap(cursor =>
      cursor.at < cursor.current.keys.length ? cursor : (opened(cursor.blocks) ?? []),
    );
  }
}

function takeUpTo<V>(
  upTo: number,
  cursor: Cursor<V>,
  chunk: Map<string, V>,
  merge: (older: V, newer: V) => V,
): number {
  const { hashes, keys, values } = cursor.current;
  let { at } = cursor;
  for (; at < keys.length && (hashes[at] ?? 0) <= upTo; at++) {
    const key = keys[at] ?? '';
    const newer = values[at] as V;
    const older = chunk.get(key);
    chunk.set(key, older === undefined ? newer : merge(older, newer));
  }
  const taken = at - cursor.at;
  cursor.at = at;
  return taken;
}

function opened<V>(blocks: Iterator<Entries<V>>): Cursor<V> | undefined {
  for (;;) {
    const { done, value } = blocks.next();
    if (done) return undefined;
    if (value.keys.length > 0) return { blocks, current: value, at: 0 };
  }
}
