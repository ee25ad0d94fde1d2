import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Row } from '../../../src/formats/rows.ts';
import { compileGeneric } from '../../../src/transforms/expressions/generic.ts';

const row: Row = { a: 1, b: 2.5, t: 'text', y: true, n: null, big: 9007199254740993n, größe: 3, $x_1: 4 };

for (const [text, expected] of [
  ['a', 1],
  [' a ', 1],
  ['größe', 3],
  ['$x_1', 4],
  ['n', null],
  ['missing', null],
  ['12', 12],
  ['-0', -0],
  ['2147483647', 2147483647],
  ['1.', 1],
  ['-2.50', -2.5],
  ['"a"', 'a'],
  ['"a < b"', 'a < b'],
  ['""', ''],
  ['a<b', true],
  ['a  >=  1', true],
  ['1 == a', true],
  ['t != "text"', false],
  ['y == 1', true],
  ['y > 0', true],
  ['big > 9007199254740992.0', true],
  ['t == a', false],
] as [string, unknown][])
  test(`generic: ${text} is ${expected}`, () => {
    assert.equal(compileGeneric(text, 'x', true).evaluate(row), expected);
  });

for (const [text, why] of [
  ['', 'something is missing'],
  ['a >', 'something is missing'],
  ['a = 1', 'there is one comparison at most'],
  ['a === 1', 'there is one comparison at most'],
  ['!y', 'there is one comparison at most'],
  ['a + 1', 'a + 1 is neither a field nor a value'],
  ['a-b', 'a-b is neither a field nor a value'],
  ['a.b', 'a.b is neither a field nor a value'],
  ['f(a)', 'f(a) is neither a field nor a value'],
  ["'x'", 'text stands in double quotes'],
  ['"x', 'a text has no quotes or backslashes in it'],
  ['"a\\nb"', 'a text has no quotes or backslashes in it'],
  ['true', 'it has no true'],
  ['a == null', 'it has no null'],
  ['2147483648', '2147483648 is not below 2^31'],
  ['-2147483648', '-2147483648 is not below 2^31'],
  ['010', '010 begins with a zero'],
  ['1e3', '1e3 is neither a field nor a value'],
] as const)
  test(`generic: ${text || 'nothing'} is refused`, () => {
    assert.throws(() => compileGeneric(text, 'x', true), {
      code: 'PIPELINE_INVALID',
      message: `x: ${text} is no expression of the generic language: ${why}. It is a field, a number, "text" in double quotes, or one comparison of two of them; for more, say language: javascript`,
    });
  });

for (const [text, message] of [
  ['n == n', 'n is null, which compares with nothing'],
  ['missing < 1', 'missing is null, which compares with nothing'],
  ['a < t', 'a number and text have no order'],
  ['t >= y', 'text and true or false have no order'],
] as const)
  test(`generic: ${text} fails the element`, () => {
    const { evaluate } = compileGeneric(text, 'x', true);
    assert.throws(() => evaluate(row), { code: 'EXPRESSION_FAILED', message });
  });

test('generic: no comparison where none may stand', () => {
  assert.throws(() => compileGeneric('a > 1', 'by', false), /no comparison may stand here/);
});

test('generic: an expression reads only the own fields of a row', () => {
  for (const name of ['constructor', 'toString', '__proto__'])
    assert.equal(compileGeneric(name, 'x', true).evaluate({}), null);
});

test('generic: it names the fields it reads', () => {
  assert.deepEqual(compileGeneric('a > b', 'x', true).fields, ['a', 'b']);
  assert.deepEqual(compileGeneric('"a" == 1', 'x', true).fields, []);
});
