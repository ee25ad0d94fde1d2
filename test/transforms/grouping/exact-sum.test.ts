import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addExactly,
  type ExactSum,
  mergeSums,
  sumValue,
} from '../../../src/transforms/grouping/exact-sum.ts';
import { randomOf } from './random.ts';

const sumOf = (values: readonly (number | bigint)[]): ExactSum =>
  values.reduce<ExactSum>((sum, value) => addExactly(sum, value), 0);

const cases: [what: string, values: (number | bigint)[], sum: number | bigint | null][] = [
  ['nothing', [], 0],
  ['integers', [1, 2, -5], -2],
  ['ten tenths', Array<number>(10).fill(0.1), 1],
  ['what cancels out', [1e100, 1, -1e100], 1],
  ['integers beyond 2^53', [9007199254740991, 1, 1], 9007199254740993n],
  ['64-bit integers', [9223372036854775807n, -9223372036854775807n, 7], 7],
  ['a 64-bit integer and a fraction', [9007199254740993n, 0.5, -9007199254740992n], 1.5],
  ['more than a double holds', [1e308, 1e308], null],
  ['a half that rounds to even', [2 ** 53, 1, 2 ** -50], 2 ** 53 + 2],
];

for (const [what, values, sum] of cases)
  test(`the sum of ${what} is ${sum}`, () => assert.equal(sumValue(sumOf(values)), sum));

test('the sum is the same in any order and however it is split', () => {
  const random = randomOf(1);
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 50 }, () => (random() - 0.5) * 10 ** (random() * 30 - 15));
    const whole = sumValue(sumOf(values));
    const shuffled = values.toSorted(() => random() - 0.5);
    const cut = Math.floor(random() * 50);
    const parts = mergeSums(sumOf(shuffled.slice(cut)), sumOf(shuffled.slice(0, cut)));
    assert.equal(sumValue(parts), whole);
  }
});
