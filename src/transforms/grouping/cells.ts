/**
 * What the state of a grouping holds for a key: in a window one list of accumulator states; of sessions a list of
 * fragments, which are merged for good when the state is swept. All of it is plain data.
 */
import type { RowValue } from '../../formats/rows.ts';
import type { Accumulator, State } from './accumulators.ts';

/** `fired`: 1 when the result given last is up to date. */
export type WindowCell = [fired: 0 | 1, ...states: State[]];
/** `arrived`: the watermark when it came; null: none yet. What is in a list stands in the order of arrival. */
export type Fragment = [start: number, end: number, arrived: number | null, fired: 0 | 1, ...states: State[]];
export type Cell = WindowCell | Fragment[];

const WINDOW_STATES = 1;
const FRAGMENT_STATES = 4;

export const statesOf = (cell: WindowCell): State[] => cell.slice(WINDOW_STATES) as State[];
export const fragmentStates = (fragment: Fragment): State[] => fragment.slice(FRAGMENT_STATES) as State[];

export class Cells {
  readonly #accumulators: readonly Accumulator[];
  readonly #latenessMs: number;

  constructor(accumulators: readonly Accumulator[], latenessMs: number) {
    this.#accumulators = accumulators;
    this.#latenessMs = latenessMs;
  }

  /** Takes the values of an element, undefined where there is none; gives the bytes by which lists have grown. */
  addTo(cell: WindowCell | Fragment, at: number, values: readonly (RowValue | undefined)[]): number {
    let grown = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const accumulator = this.#accumulators[i];
      if (value === undefined || !accumulator) continue;
      cell[at + i] = accumulator.add(cell[at + i] as State, value);
      if (accumulator.grows) grown += sizeOf(value);
    }
    return grown;
  }

  windowCell(): WindowCell {
    return [0, ...this.#accumulators.map(() => undefined)];
  }

  addToWindow(cell: WindowCell, values: readonly (RowValue | undefined)[]): number {
    cell[0] = 0;
    return this.addTo(cell, WINDOW_STATES, values);
  }

  /** Adds an element that is a session of its own, as yet; gives the bytes by which the cell has grown. */
  addToSessions(
    fragments: Fragment[],
    { start, end }: { start: number; end: number },
    watermark: number,
    values: readonly (RowValue | undefined)[],
  ): number {
    const arrived = Number.isFinite(watermark) ? watermark : null;
    const fragment: Fragment = [start, end, arrived, 0, ...this.#accumulators.map(() => undefined)];
    const grown = this.addTo(fragment, FRAGMENT_STATES, values);
    const before = fragments.length;
    this.#append(fragments, fragment);
    return grown + (fragments.length - before) * FRAGMENT_BYTES;
  }

  /** What two parts of the state hold of a key. */
  merge(older: Cell, newer: Cell): Cell {
    if (isSessions(older) && isSessions(newer)) {
      for (const fragment of newer) this.#append(older, fragment);
      return older;
    }
    if (isSessions(older) || isSessions(newer)) return newer;
    older[0] = older[0] === 1 && newer[0] === 1 ? 1 : 0;
    this.#mergeStates(older, newer, WINDOW_STATES);
    return older;
  }

  /**
   * The sessions that fragments, all there are of a key, amount to. A fragment joins the sessions it overlaps unless
   * they had closed when it came.
   */
  settle(fragments: readonly Fragment[]): Fragment[] {
    const sessions: Fragment[] = [];
    for (const fragment of fragments) {
      const arrived = fragment[2] ?? Number.NEGATIVE_INFINITY;
      this.#join(sessions, fragment, session => session[1] + this.#latenessMs > arrived);
    }
    return sessions;
  }

  /** Fragments that came under one watermark may be merged at once: no session closed between them. */
  #append(fragments: Fragment[], fragment: Fragment): void {
    this.#join(fragments, fragment, other => other[2] === fragment[2] && other[3] === 0);
  }

  #join(fragments: Fragment[], fragment: Fragment, mayMerge: (other: Fragment) => boolean): void {
    let joined: Fragment | undefined;
    for (let i = 0; i < fragments.length; i++) {
      const other = fragments[i];
      if (!other || !overlap(other, fragment) || !mayMerge(other)) continue;
      if (!joined) joined = other;
      else {
        this.#mergeFragment(joined, other);
        fragments.splice(i--, 1);
      }
    }
    if (joined) this.#mergeFragment(joined, fragment);
    else fragments.push(fragment);
  }

  #mergeFragment(session: Fragment, other: Fragment): void {
    session[0] = Math.min(session[0], other[0]);
    session[1] = Math.max(session[1], other[1]);
    session[3] = 0;
    this.#mergeStates(session, other, FRAGMENT_STATES);
  }

  #mergeStates(older: (WindowCell | Fragment)[number][], newer: WindowCell | Fragment, from: number): void {
    for (const [i, accumulator] of this.#accumulators.entries()) {
      const state = newer[from + i] as State;
      if (state !== undefined) older[from + i] = accumulator.merge(older[from + i] as State, state);
    }
  }
}

export const isSessions = (cell: Cell): cell is Fragment[] => Array.isArray(cell[0]);

const FRAGMENT_BYTES = 100;

/** Those that only touch stay apart. */
const overlap = (one: Fragment, other: Fragment): boolean => one[0] < other[1] && other[0] < one[1];

/** Roughly what a value takes in memory, bytes. */
export function sizeOf(value: RowValue): number {
  if (typeof value === 'string') return 24 + value.length;
  if (typeof value !== 'object' || value === null) return 16;
  let size = 32;
  for (const [name, each] of Object.entries(value))
    size += 8 + sizeOf(each) + (Array.isArray(value) ? 0 : name.length);
  return size;
}
