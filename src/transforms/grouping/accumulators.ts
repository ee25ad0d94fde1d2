/**
 * What Combine can make of the values of a group. A state is plain data, and states of parts of a group can be
 * merged in any way that keeps their order: what is on disk and what is in memory need not meet before the end.
 */
import type { RowValue } from '../../formats/rows.ts';
import { addExactly, type ExactSum, meanValue, mergeSums, sumValue } from './exact-sum.ts';

/** Never undefined once a value has been added. */
export type State = RowValue | undefined;

export interface Accumulator {
  /** Why it cannot take the value, to follow its name: `is text, not a number`; undefined: it can. */
  refusal?(value: RowValue): string | undefined;
  /** The state with the value in it; the state given may be reused. */
  add(state: State, value: RowValue): State;
  /** The state of both; `newer` holds what came later. The first may be reused. */
  merge(older: State, newer: State): State;
  result(state: State): RowValue;
  /** True when the state grows with each value. */
  grows?: boolean;
}

export const accumulators: Readonly<Record<string, Accumulator>> = {
  sum: {
    refusal: refuseNonNumber,
    add: (state, value) => addExactly(sumOf(state), numberOf(value)),
    merge: (older, newer) => mergeSums(sumOf(older), sumOf(newer)),
    result: state => sumValue(sumOf(state)),
  },
  count: {
    add: state => Number(state ?? 0) + 1,
    merge: (older, newer) => Number(older ?? 0) + Number(newer ?? 0),
    result: state => state ?? 0,
  },
  min: extreme(-1),
  max: extreme(1),
  mean: {
    refusal: refuseNonNumber,
    add(state, value) {
      const [count, sum] = meanOf(state);
      return [count + 1, addExactly(sum, numberOf(value))];
    },
    merge(older, newer) {
      const [count, sum] = meanOf(older);
      const [more, moreSum] = meanOf(newer);
      return [count + more, mergeSums(sum, moreSum)];
    },
    result(state) {
      const [count, sum] = meanOf(state);
      return meanValue(sum, count);
    },
  },
  any: {
    add: (state, value) => state === true || isTrue(value),
    merge: (older, newer) => older === true || newer === true,
    result: state => state ?? false,
  },
  all: {
    add: (state, value) => state !== false && isTrue(value),
    merge: (older, newer) => older !== false && newer !== false,
    result: state => state ?? true,
  },
  group: {
    grows: true,
    add: (state, value) => extended(state, [value]),
    merge: (older, newer) => extended(older, listOf(newer)),
    result: listOf,
  },
  concat: {
    grows: true,
    refusal: value => (Array.isArray(value) ? undefined : `is ${nameOf(value)}, not a list`),
    add: (state, value) => extended(state, listOf(value)),
    merge: (older, newer) => extended(older, listOf(newer)),
    result: listOf,
  },
};

/** The least (-1) or greatest (1) value, as Python orders them; equal ones: the first. */
function extreme(sign: -1 | 1): Accumulator {
  const better = (one: State, other: RowValue): RowValue =>
    one === undefined || compare(other, one) * sign > 0 ? other : one;
  return {
    refusal: value =>
      value === null || (typeof value === 'object' && !Array.isArray(value))
        ? `is ${nameOf(value)}, which has no order`
        : undefined,
    add: better,
    merge: (older, newer) => (newer === undefined ? older : better(older, newer)),
    result: state => state ?? null,
  };
}

/** Numbers and booleans, before texts by code point, before lists by their members. */
function compare(one: RowValue, other: RowValue): number {
  const rank = rankOf(one) - rankOf(other);
  if (rank !== 0) return rank;
  if (Array.isArray(one) && Array.isArray(other)) {
    for (const [i, each] of one.entries()) {
      if (i >= other.length) return 1;
      const order = compare(each, other[i] ?? null);
      if (order !== 0) return order;
    }
    return one.length - other.length;
  }
  if (typeof one === 'string' && typeof other === 'string') return compareTexts(one, other);
  const [a, b] = [numberOf(one), numberOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By code point, unlike `<`, which puts what lies beyond U+FFFF before U+E000. */
function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  let i = 0;
  while (i < one.length && one.charCodeAt(i) === other.charCodeAt(i)) i++;
  const isSurrogate = (code: number) => code >= 0xd800 && code < 0xe000;
  const [a, b] = [one.charCodeAt(i), other.charCodeAt(i)];
  if (Number.isNaN(a) || Number.isNaN(b)) return one.length - other.length;
  return isSurrogate(a) === isSurrogate(b) ? a - b : isSurrogate(a) ? 1 : -1;
}

function rankOf(value: RowValue): number {
  if (typeof value === 'string') return 2;
  if (Array.isArray(value)) return 3;
  return value === null || typeof value === 'object' ? 4 : 1;
}

function refuseNonNumber(value: RowValue): string | undefined {
  if (typeof value === 'bigint' || typeof value === 'boolean') return undefined;
  if (typeof value !== 'number') return `is ${nameOf(value)}, not a number`;
  return Number.isFinite(value) ? undefined : 'is larger than a number may be';
}

/** What Python takes for true. */
function isTrue(value: RowValue): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

const numberOf = (value: RowValue): number | bigint => (typeof value === 'bigint' ? value : Number(value));
const sumOf = (state: State): ExactSum => (state === undefined ? 0 : (state as ExactSum));
const meanOf = (state: State): [number, ExactSum] =>
  state === undefined ? [0, 0] : (state as [number, ExactSum]);

function listOf(state: State): RowValue[] {
  return Array.isArray(state) ? state : [];
}

function extended(state: State, values: readonly RowValue[]): RowValue[] {
  const list = listOf(state);
  for (const value of values) list.push(value);
  return list;
}

function nameOf(value: RowValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a row' : `a ${typeof value}`;
}
