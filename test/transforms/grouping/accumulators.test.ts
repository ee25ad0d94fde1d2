import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowValue } from '../../../src/formats/rows.ts';
import { type Accumulator, accumulators, type State } from '../../../src/transforms/grouping/accumulators.ts';
import { randomOf } from './random.ts';

const cases: Record<string, [values: RowValue[], result: RowValue][]> = {
  sum: [
    [[1, 2, 3.5], 6.5],
    [[true, false, 2], 3],
  ],
  count: [[[1, null, 'x'], 3]],
  min: [
    [[3, 1, 2], 1],
    [['b', 'a'], 'a'],
    [
      [[2], [1, 9]],
      [1, 9],
    ],
    [['\u{1f600}', '\uffff'], '\uffff'],
  ],
  max: [
    [[3, 9007199254740993n, 2], 9007199254740993n],
    [['b', 'ba', 'a'], 'ba'],
    [['\u{1f600}', '\uffff'], '\u{1f600}'],
    [[false, true], true],
  ],
  mean: [
    [[1, 2], 1.5],
    [[0.1, 0.1, 0.1], 0.10000000000000002],
  ],
  any: [
    [[0, '', null, []], false],
    [[0, 'x'], true],
  ],
  all: [
    [[1, 'x', [0]], true],
    [[1, {}], false],
  ],
  group: [
    [
      [1, null, [2]],
      [1, null, [2]],
    ],
  ],
  concat: [
    [
      [[1], [], [2, [3]]],
      [1, 2, [3]],
    ],
  ],
};

const fold = ({ add }: Accumulator, values: readonly RowValue[]): State =>
  values.reduce<State>((state, value) => add(state, value), undefined);

for (const [name, examples] of Object.entries(cases)) {
  const accumulator = accumulators[name];
  assert.ok(accumulator);
  for (const [values, result] of examples)
    test(`${name} of ${show(values)} is ${show(result)}`, () =>
      assert.deepEqual(accumulator.result(fold(accumulator, values)), result));

  test(`${name} is the same however its values are split and merged, and its states are plain data`, () => {
    const random = randomOf(name.length);
    for (let round = 0; round < 100; round++) {
      const values = Array.from({ length: 1 + Math.floor(random() * 12) }, () => valueFor(name, random));
      const whole: RowValue = accumulator.result(fold(accumulator, values));
      const [a, b, c] = splitInThree(values, random).map(part => written(fold(accumulator, part)));
      const merge = (older: State, newer: State): State =>
        newer === undefined ? older : older === undefined ? newer : accumulator.merge(older, newer);
      const left = merge(merge(structuredClone(a), structuredClone(b)), structuredClone(c));
      const right = merge(structuredClone(a), merge(structuredClone(b), structuredClone(c)));
      assert.deepEqual(accumulator.result(left), whole);
      assert.deepEqual(accumulator.result(right), whole);
    }
  });
}

const refusals: [name: string, value: RowValue, why: string][] = [
  ['sum', 'x', 'is text, not a number'],
  ['sum', null, 'is null, not a number'],
  ['mean', [1], 'is a list, not a number'],
  ['mean', Number.POSITIVE_INFINITY, 'is larger than a number may be'],
  ['min', null, 'is null, which has no order'],
  ['max', { a: 1 }, 'is a row, which has no order'],
  ['concat', 'abc', 'is text, not a list'],
];
for (const [name, value, why] of refusals)
  test(`${name} refuses ${show(value)}: it ${why}`, () =>
    assert.equal(accumulators[name]?.refusal?.(value), why));

function valueFor(name: string, random: () => number): RowValue {
  const number = random() < 0.5 ? Math.floor(random() * 10) : random() * 1e6;
  if (name === 'concat') return [number];
  if (name === 'sum' || name === 'mean') return number;
  return random() < 0.3 ? String(number) : random() < 0.2 ? random() < 0.5 : number;
}

function splitInThree(values: readonly RowValue[], random: () => number): RowValue[][] {
  const [from = 0, to = 0] = [random(), random()]
    .map(each => Math.floor(each * (values.length + 1)))
    .sort((x, y) => x - y);
  return [values.slice(0, from), values.slice(from, to), values.slice(to)];
}

/** As it comes back from a file. */
const written = (state: State): State =>
  state === undefined ? undefined : JSON.parse(JSON.stringify(state));

function show(value: RowValue): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each));
}
