import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { batchOf } from '../../../src/engine/batch.ts';
import {
  checkJavaScript,
  openJavaScript,
  plainField,
  type RowShape,
} from '../../../src/transforms/expressions/javascript.ts';
import type { JavaScriptForm } from '../../../src/transforms/expressions/language.ts';
import { contextOf, textsOf } from '../../helpers/pipeline.ts';

const row = { form: 'row' } as const;

async function run(t: TestContext, forms: JavaScriptForm[], rows: string[], shape?: RowShape) {
  const pool = await openJavaScript(forms, contextOf('/', { input: row }), shape);
  t.after(() => pool.close());
  const { good, failed } = await pool.run(batchOf(rows));
  return { good: good.flatMap(textsOf), failures: failed?.failures?.map(({ message }) => message) ?? [] };
}

const expression = (text: string): JavaScriptForm => ({ subject: 'x', expression: text });

for (const text of [
  'a',
  'a, b',
  '{a: 1}',
  'a // a comment',
  'x => x',
  'function () {}',
  '/[)]/.test(a)',
  '`t`',
])
  test(`JavaScript: ${text} is an expression`, () => checkJavaScript(expression(text)));

for (const text of [
  '',
  'a +',
  'return a',
  'a; b',
  'a) + (b',
  'a] + [b',
  'a); while (true); (b',
  '...a',
  'a /*',
  'if (a) b',
  'import("x"',
  '('.repeat(100_000),
])
  test(`JavaScript: ${text.slice(0, 30) || 'nothing'} is no expression`, () => {
    assert.throws(() => checkJavaScript(expression(text)), { code: 'PIPELINE_INVALID', message: /^x: / });
  });

test('JavaScript: only a bare name that is no value is a plain field', () => {
  const names = ['a', ' größe ', 'undefined', 'NaN', 'this', 'a.b', '(a)', '1'];
  assert.deepEqual(
    names.map(name => plainField(expression(name))),
    ['a', 'größe', ...new Array(6).fill(undefined)],
  );
  assert.equal(plainField({ subject: 'x', expression: 'a', outputType: 'string' }), undefined);
});

test('JavaScript: a single value leaves as its JSON', async t => {
  const { good } = await run(t, [expression('[a, typeof b]')], ['{"a":1,"b":"x"}', ' { "a" : null } ']);
  assert.deepEqual(good, ['[1,"string"]', '[null,"undefined"]']);
});

test('JavaScript: what no JSON can express fails the element', async t => {
  const given = ['0/0', '1/a', '() => 1', 'Symbol()', 'Promise.resolve()', '{get b() { throw 1 }}', '[1n]'];
  const failures = await Promise.all(
    given.map(async text => (await run(t, [expression(text)], ['{"a":0}'])).failures),
  );
  assert.deepEqual(failures.flat(), [
    'x: gave NaN, which JSON cannot express',
    'x: gave Infinity, which JSON cannot express',
    'x: gave a function, which JSON cannot express',
    'x: gave a symbol, which JSON cannot express',
    'x: gave a Promise: expressions are synchronous',
    'x: gave what JSON cannot express: undefined',
    'x: gave what JSON cannot express: Do not know how to serialize a BigInt',
  ]);
});

test('JavaScript: whatever is thrown is told with the name of the expression', async t => {
  const thrown = ['"text"', '7', 'null', 'new TypeError("no")', '{message: "m"}', 'Object.create(null)'];
  const form = (what: string): JavaScriptForm => ({ subject: 'x', callable: `() => { throw ${what}; }` });
  const failures = await Promise.all(thrown.map(async what => (await run(t, [form(what)], ['{}'])).failures));
  assert.deepEqual(failures.flat(), [
    'x: text',
    'x: 7',
    'x: null',
    'x: TypeError: no',
    'x: m',
    'x: undefined',
  ]);
});

test('JavaScript: user code that changes the built-ins changes its own results only', async t => {
  const forms: JavaScriptForm[] = [
    {
      subject: 'evil',
      callable: `row => {
        JSON.stringify = () => 'broken'; JSON.parse = () => 0; Object.keys = () => [];
        String.prototype.slice = () => 'broken'; Object.prototype.hasOwnProperty = () => true;
        return 1;
      }`,
    },
  ];
  const shape: RowShape = {
    append: true,
    drop: ['b'],
    fields: [
      { name: 'evil', call: 0 },
      { name: 'z', field: 'a' },
    ],
  };
  const { good } = await run(t, forms, ['{"a":1,"b":2}', '{"a":2,"b":3}'], shape);
  assert.deepEqual(good, ['{"a":1,"evil":1,"z":1}', '{"a":2,"evil":1,"z":2}']);
});

test('JavaScript: an append keeps the text of the row as it is', async t => {
  const shape: RowShape = { append: true, drop: [], fields: [{ name: 'c', call: 0 }] };
  const rows = ['{"a":1.50,"b":12345678901234567890}', '{ }', ' {"a":"}"} '];
  const { good } = await run(t, [expression('1 + 1')], rows, shape);
  assert.deepEqual(good, ['{"a":1.50,"b":12345678901234567890,"c":2}', '{"c":2}', '{"a":"}","c":2}']);
});

test('JavaScript: a callable that is no function is refused when it is loaded', async () => {
  const opening = openJavaScript([{ subject: 'x', callable: '42' }], contextOf('/'));
  await assert.rejects(opening, { code: 'UDF_LOAD_FAILED', message: /the callable is no function/ });
});

test('JavaScript: a name that is none, and a file that is not there, are refused', async () => {
  assert.throws(() => checkJavaScript({ subject: 'x', path: 'a.js', name: 'a; b' }), {
    code: 'UDF_FUNCTION_MISSING',
  });
  const opening = openJavaScript([{ subject: 'x', path: '/no/such.js', name: 'a' }], contextOf('/'));
  await assert.rejects(opening, { code: 'UDF_NOT_FOUND' });
});
