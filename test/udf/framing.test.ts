import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codesOf, fatesOf, openTestPool } from './harness.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('', '\n', '\n\n', 'a\nb', '\u2028', '\0', '\uFEFF', 'é', '😀', 'x'.repeat(5000)),
);

test('any text passes through whole, whatever its neighbours are', async t => {
  const pool = await openTestPool(t, 'function process(x) { return x === "" ? null : x; }', { slots: 2 });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 30 }), async elements => {
      const expected = elements.map(element => (element === '' ? null : element));
      assert.deepEqual(await fatesOf(pool, elements), expected);
    }),
    { numRuns: 300 },
  );
});

test('a lone surrogate in an output becomes the replacement character', async t => {
  const pool = await openTestPool(t, 'function process(x) { return x + "\\ud800" + x; }');
  assert.deepEqual(await fatesOf(pool, ['a', 'é']), ['a\ufffda', 'é\ufffdé']);
});

test('outputs are told apart whatever they hold and however they end', async t => {
  const source = `function process(x) {
    const { kind, value } = JSON.parse(x);
    if (kind === 'throw') throw value;
    if (kind === 'drop') return null;
    if (kind === 'number') return 1;
    return value;
  }`;
  const pool = await openTestPool(t, source);
  const element = fc.record({ kind: fc.constantFrom('throw', 'drop', 'number', 'keep'), value: text });
  await fc.assert(
    fc.asyncProperty(fc.array(element, { maxLength: 30 }), async elements => {
      const codes = codesOf(
        await fatesOf(
          pool,
          elements.map(each => JSON.stringify(each)),
        ),
      );
      const expected = elements.map(({ kind, value }) => {
        if (kind === 'throw') return 'UDF_THREW';
        if (kind === 'number') return 'UDF_RETURN_TYPE';
        return kind === 'drop' || value === '' ? null : value.toWellFormed();
      });
      assert.deepEqual(codes, expected);
    }),
    { numRuns: 200 },
  );
});

test('timeouts of one millisecond never shift an output to another element', async t => {
  const source = `function process(x) {
    const [id, work] = x.split(' ');
    let n = 0;
    for (let i = 0; i < Number(work); i++) n += i % 7;
    return id + ':' + (n >= 0);
  }`;
  const pool = await openTestPool(t, source, { timeoutMs: 1, slots: 2 });
  let slow = 0;
  for (let round = 0; round < 12; round++) {
    const elements = Array.from({ length: 100 }, (_, i) => `${i} ${i % 9 === round % 9 ? 400_000 : 50}`);
    const codes = codesOf(await fatesOf(pool, elements));
    for (const [i, code] of codes.entries()) {
      if (code === 'UDF_TIMEOUT') slow++;
      else assert.equal(code, `${i}:true`);
    }
  }
  assert.ok(slow > 0, 'some elements were too slow');
});
