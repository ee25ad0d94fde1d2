import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, batchOf, payloadOf, selectElements } from '../../src/engine/batch.ts';
import { codesOf, fatesIn, fatesOf, openTestPool, residentMb } from './harness.ts';

const ECHO = 'function process(x) { return x; }';

test('a string goes on, nothing is filtered, anything else has failed', async t => {
  const pool = await openTestPool(
    t,
    `function process(x) {
      switch (x) {
        case 'null': return null;
        case 'undefined': return undefined;
        case 'nothing': return;
        case 'empty': return '';
        case 'zero': return 0;
        case 'false': return false;
        case 'array': return [x];
        case 'promise': return Promise.resolve(x);
      }
      return x.toUpperCase();
    }`,
  );
  const elements = ['a', 'null', 'undefined', 'nothing', 'empty', 'zero', 'false', 'array', 'promise', 'z'];
  const fates = await fatesOf(pool, elements);
  const wrong = 'UDF_RETURN_TYPE';
  assert.deepEqual(codesOf(fates), ['A', null, null, null, null, wrong, wrong, wrong, wrong, 'Z']);
  const messages = fates.slice(5, 9).map(fate => (typeof fate === 'object' ? fate?.message : fate));
  assert.match(String(messages[0]), /^process returned a number: a UDF returns a string/);
  assert.match(String(messages[2]), /^process returned an array:/);
  assert.match(String(messages[3]), /^process returned a Promise: a UDF is synchronous/);
});

test('a failure carries the message and the lines of the stack that are the user’s', async t => {
  const source = `function process(x) {\n  return check(x);\n}\nfunction check(x) {\n  throw new TypeError('bad ' + x);\n}`;
  const [fate] = await fatesOf(await openTestPool(t, source), ['one']);
  assert.deepEqual(fate, {
    code: 'UDF_THREW',
    message: 'TypeError: bad one',
    stack: 'at check (test.js:5:9)\nat process (test.js:2:10)',
  });
});

test('the function is found however it is declared, and called with the global object as this', async t => {
  const declarations = [
    'function f(x) { return this === globalThis ? x : "no"; }',
    'const f = function (x) { return this === globalThis ? x : "no"; };',
    'let f = x => this === globalThis ? x : "no";',
    'var f = function (x) { return this === globalThis ? x : "no"; };',
    'globalThis.f = function (x) { return this === globalThis ? x : "no"; };',
  ];
  for (const source of declarations) {
    const pool = await openTestPool(t, source, { function: 'f' });
    assert.deepEqual(await fatesOf(pool, ['yes']), ['yes'], source);
    await pool.close();
  }
});

test('without a name, process is called, or else transform', async t => {
  const both = await openTestPool(
    t,
    'function transform() { return "t"; } function process() { return "p"; }',
  );
  assert.equal(both.function, 'process');
  const one = await openTestPool(t, 'const transform = () => "t"; function other() {}');
  assert.deepEqual([one.function, await fatesOf(one, ['x'])], ['transform', ['t']]);
});

test('several scripts share one realm, and a later definition replaces an earlier one', async t => {
  const scripts = [
    { name: 'a.js', source: 'const suffix = "!"; function process(x) { return "a"; }', module: false },
    { name: 'b.js', source: 'function process(x) { return x + suffix; }', module: false },
  ];
  assert.deepEqual(await fatesOf(await openTestPool(t, '', { scripts }), ['x']), ['x!']);
});

test('an ES module exports its function; it cannot import', async t => {
  const module = (source: string) => [{ name: 'm.mjs', source, module: true }];
  const source = 'const mark = "!"; export function process(x) { return x + mark; }';
  assert.deepEqual(await fatesOf(await openTestPool(t, '', { scripts: module(source) }), ['x']), ['x!']);
  await assert.rejects(openTestPool(t, '', { scripts: module(`import fs from 'node:fs';\n${source}`) }), {
    code: 'UDF_LOAD_FAILED',
    message: /cannot import anything, and 'node:fs' is imported/,
  });
});

test('a second parameter gets what the element carries, and only that', async t => {
  const pool = await openTestPool(t, 'function process(x, context) { return JSON.stringify(context); }');
  const metadata = [
    {
      messageId: '7',
      publishTime: '2024-01-01T00:00:00Z',
      attributes: { a: 'ä', __proto__x: '1' },
      key: 'k',
    },
    {},
  ];
  const [first, second] = await fatesOf(pool, ['x', 'y'], metadata);
  assert.deepEqual(JSON.parse(String(first)), { ...metadata[0], position: '7' });
  assert.deepEqual(JSON.parse(String(second)), { attributes: {} });
  const batch: Batch = {
    ...batchOf(['aa', 'bb'], { times: Float64Array.of(0, 1) }),
    origin: { path: 'in.txt', offset: 100 },
  };
  const fates = fatesIn(batch, await pool.run(batch));
  assert.deepEqual(
    fates.map(fate => JSON.parse(String(fate)).position),
    ['in.txt:100', 'in.txt:102'],
  );
});

test('an element that is not UTF-8 fails unharmed, also where two halves of a character meet', async t => {
  const pool = await openTestPool(t, ECHO);
  const bad = [Buffer.from([0xff, 0x41]), Buffer.from([0xc3]), Buffer.from([0xa9])];
  const elements = ['a', ...bad, 'é'];
  const batch = batchOf(elements, { times: Float64Array.from(elements, (_, i) => i) });
  const outcome = await pool.run(batch);
  const not = 'UDF_INPUT_NOT_UTF8';
  assert.deepEqual(codesOf(fatesIn(batch, outcome)), ['a', not, not, not, 'é']);
  const { failed } = outcome;
  assert.deepEqual(failed && bad.map((_, i) => payloadOf(failed, i)), bad);
});

test('elements may lie anywhere in the bytes of a batch', async t => {
  const pool = await openTestPool(t, ECHO);
  const whole = batchOf(Array.from({ length: 5000 }, (_, i) => `element ${i} ${'·'.repeat(i % 30)}`));
  const indices = [4999, 3, 4, 2500, 0];
  const picked = { ...selectElements(whole, indices), times: Float64Array.from(indices, (_, i) => i) };
  const expected = indices.map(i => payloadOf(whole, i).toString());
  assert.deepEqual(fatesIn(picked, await pool.run(picked)), expected);
  assert.deepEqual(await pool.run(batchOf([])), { good: [], filtered: 0 });
});

test('the outputs of a batch are lines when they lie side by side, and keep times and metadata', async t => {
  const pool = await openTestPool(t, 'function process(x) { return x === "b" ? null : x + x; }');
  const metadata = [{ messageId: '1' }, { messageId: '2' }, { messageId: '3' }];
  const batch = batchOf(['a', 'b', 'c'], { times: Float64Array.of(10, 20, 30), metadata });
  const { good, filtered } = await pool.run(batch);
  const [output] = good;
  assert.equal(filtered, 1);
  assert.equal(output?.lines, true);
  assert.equal(output?.bytes.toString(), 'aa\ncc\n');
  assert.deepEqual([...(output?.times ?? [])], [10, 30]);
  assert.deepEqual(output?.metadata, [{ messageId: '1' }, { messageId: '3' }]);
});

test('what is made for rows must be a JSON object', async t => {
  const pool = await openTestPool(t, ECHO, { rows: true });
  const elements = ['{"a":1}', '[1]', 'null', '"x"', 'word', '{"a":1}{"b":2}', ' {"é":"ü"} ', '{"a":'];
  const not = 'UDF_RETURN_NOT_OBJECT';
  const expected = ['{"a":1}', not, not, not, not, not, ' {"é":"ü"} ', not];
  assert.deepEqual(codesOf(await fatesOf(pool, elements)), expected);
});

test('an output is measured in bytes, not in characters', async t => {
  const pool = await openTestPool(t, 'function process(x) { return x.repeat(60); }', { maxOutputBytes: 100 });
  assert.deepEqual(codesOf(await fatesOf(pool, ['a', 'é', 'ab', 'b'])), [
    'a'.repeat(60),
    'UDF_OUTPUT_TOO_LARGE',
    'UDF_OUTPUT_TOO_LARGE',
    'b'.repeat(60),
  ]);
});

test('a too large output is told as such also after a first part of the batch', async t => {
  const source = 'function process(x) { if (x === "hang") for (;;); return x.repeat(60); }';
  const pool = await openTestPool(t, source, { maxOutputBytes: 100, timeoutMs: 50 });
  const codes = codesOf(await fatesOf(pool, ['a', 'hang', 'b', 'é']));
  assert.deepEqual(codes, ['a'.repeat(60), 'UDF_TIMEOUT', 'b'.repeat(60), 'UDF_OUTPUT_TOO_LARGE']);
});

test('a batch that grows to many times its size comes in pieces, in order', async t => {
  const pool = await openTestPool(t, 'function process(x) { return x.repeat(1e6); }', { timeoutMs: 1000 });
  const fates = await fatesOf(pool, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  assert.deepEqual(
    fates.map(fate => [String(fate).length, String(fate)[0], String(fate).at(-1)]),
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(letter => [1e6, letter, letter]),
  );
});

test('a batch of slow but honest elements is never cut short', async t => {
  const source = 'function process(x) { const end = Date.now() + 60; while (Date.now() < end); return x; }';
  const pool = await openTestPool(t, source, { timeoutMs: 300 });
  const elements = Array.from({ length: 12 }, (_, i) => `slow ${i}`);
  assert.deepEqual(await fatesOf(pool, elements), elements);
});

test('only the slow elements of a batch time out', async t => {
  const source = 'function process(x) { if (x.startsWith("hang")) for (;;); return x; }';
  const pool = await openTestPool(t, source, { timeoutMs: 50 });
  const elements = ['hang', 'a', 'b', 'hang', 'hang', 'c', 'hang'];
  const expected = ['UDF_TIMEOUT', 'a', 'b', 'UDF_TIMEOUT', 'UDF_TIMEOUT', 'c', 'UDF_TIMEOUT'];
  assert.deepEqual(codesOf(await fatesOf(pool, elements)), expected);
});

test('a function that leaks a little with every element loses none of them', async t => {
  const source = 'const kept = []; function process(x) { kept.push(new Array(50000).fill(x)); return x; }';
  const pool = await openTestPool(t, source, { memoryMb: 32, timeoutMs: 1000 });
  const elements = Array.from({ length: 300 }, (_, i) => `element ${i}`);
  assert.deepEqual(await fatesOf(pool, elements), elements);
});

test('global state lasts from one batch to the next', async t => {
  const pool = await openTestPool(t, 'let n = 0; function process(x) { return x + n++; }');
  assert.deepEqual(await fatesOf(pool, ['a', 'b']), ['a0', 'b1']);
  assert.deepEqual(await fatesOf(pool, ['c']), ['c2']);
});

test('several slots share the batches, and each outcome is that of its batch', async t => {
  const pool = await openTestPool(t, 'function process(x) { return x + "!"; }', { slots: 3 });
  assert.equal(pool.concurrency, 6);
  const batches = Array.from({ length: 60 }, (_, b) => Array.from({ length: b + 1 }, (_, i) => `${b}:${i}`));
  const fates = await Promise.all(batches.map(elements => fatesOf(pool, elements)));
  assert.deepEqual(
    fates,
    batches.map(elements => elements.map(element => `${element}!`)),
  );
});

test('the parent stays small while much passes through', async t => {
  const pool = await openTestPool(t, ECHO, { slots: 2, timeoutMs: 1000 });
  const batch = batchOf(Array.from({ length: 128 }, (_, i) => `${i}${'x'.repeat(1000)}`));
  await pool.run(batch);
  const before = residentMb();
  for (let i = 0; i < 400; i++) await Promise.all([1, 2, 3, 4].map(() => pool.run(batch)));
  assert.ok(residentMb() - before < 100, `200 MB made the parent grow by ${residentMb() - before} MB`);
});

test('a pool that is closed fails what is under way', async t => {
  const pool = await openTestPool(t, 'function process() { for (;;); }', { timeoutMs: 5000 });
  const failed = assert.rejects(pool.run(batchOf(['a'])), { message: 'the UDF was closed' });
  await pool.close();
  await failed;
  await assert.rejects(pool.run(batchOf(['a'])), { message: 'the UDF was closed' });
});

test('replaced scripts serve the batches that follow; broken ones change nothing', async t => {
  const script = (source: string) => [{ name: 'v.js', source, module: false }];
  const pool = await openTestPool(t, 'function process(x) { return x + 1; }', { slots: 2 });
  const early = fatesOf(pool, ['a']);
  await pool.replace(script('function process(x) { return x + 2; }'));
  assert.deepEqual([await early, await fatesOf(pool, ['a'])], [['a1'], ['a2']]);
  await assert.rejects(pool.replace(script('function process(')), { code: 'UDF_SYNTAX' });
  assert.deepEqual(await fatesOf(pool, ['a']), ['a2']);
});
