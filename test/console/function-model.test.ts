import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultModel, functionsIn, likelyFunction, samplesIn } from '../../src/console/function-model.ts';
import { SluiceError } from '../../src/errors.ts';

test('samples are lines, or the elements of an array', () => {
  assert.deepEqual(samplesIn('{"a": 1}\r\n\n  \nplain\n'), ['{"a": 1}', 'plain']);
  assert.deepEqual(samplesIn(' [\n{"a": 1}, "two\\nlines", 3]'), ['{"a":1}', 'two\nlines', '3']);
  assert.deepEqual(samplesIn('[1]\n[2]'), ['[1]', '[2]']);
  assert.deepEqual(samplesIn('[not JSON'), ['[not JSON']);
  assert.deepEqual(samplesIn(''), []);
  assert.throws(() => samplesIn('a\n'.repeat(51)), /There are 51 samples; 50 can be run at a time/);
});

test('functions are found however they are declared, and the likely one is chosen', () => {
  const source = `function first(x) {
  function inner() {}
}
export function second() {}
const third = payload => payload;
let fourth = (a, b) => a;
export const fifth = function () {};
async function sixth() {}
const value = 5;
// function commented() {}
`;
  assert.deepEqual(functionsIn(source), ['first', 'second', 'third', 'fourth', 'fifth', 'sixth']);
  assert.equal(likelyFunction(['pad', 'transform'], 'x'), 'transform');
  assert.equal(likelyFunction(['pad', 'my_udf'], 'my-udf'), 'my_udf');
  assert.equal(likelyFunction(['pad'], 'x'), 'pad');
  assert.equal(likelyFunction([], 'x'), '');
  assert.equal(functionsIn('function a() {}\n'.repeat(1e5)).length, 1);
});

test('a fault has its place, and the place is not told twice', () => {
  const fault = (message: string) => faultModel(new SluiceError('UDF_SYNTAX', message));
  const { message, line, column } = fault('udf.js:2:13: Unexpected token');
  assert.deepEqual([message, line, column], ['Unexpected token', 2, 13]);
  assert.deepEqual(
    fault('udf.mjs: loading took longer than 2000 ms').message,
    'loading took longer than 2000 ms',
  );
  assert.equal(fault('it defines a, b').line, undefined);
});
