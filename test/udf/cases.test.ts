import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/errors.ts';
import { readCases, runCases } from '../../src/udf/cases.ts';
import { udfsAt } from '../../src/udf/library.ts';
import { readScripts } from '../../src/udf/scripts.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const samples = udfsAt(fileURLToPath(new URL('../../udfs', import.meta.url)), { home: '/nowhere' });

for (const { name, script, cases, summary } of samples) {
  test(`the sample ${name} says what it is, and does what its cases say`, async () => {
    assert.match(summary, /^[A-Z].*\.$/);
    assert.ok(cases !== undefined, 'it has cases');
    const results = await runCases(readScripts(script, { home: '/nowhere' }), readCases(cases));
    assert.deepEqual(
      results.filter(({ ok }) => !ok),
      [],
    );
  });
}

test('a case that is not met tells what was expected and what came', async () => {
  const source = `function process(x, context) {
    if (x === 'throw') throw new Error('oh no');
    if (x === 'drop') return null;
    return JSON.stringify({ x, id: context.messageId });
  }`;
  const context = { messageId: '1' };
  const results = await runCases([{ name: 'c.js', source, module: false }], {
    cases: [
      { name: 'met', input: 'a', context, output: { id: '1', x: 'a' } },
      { name: 'other object', input: 'a', context, output: { x: 'b' } },
      { name: 'other text', input: 'a', context, output: 'a' },
      { name: 'not filtered', input: 'a', filtered: true },
      { name: 'filtered', input: 'drop', output: 'x' },
      { name: 'no error', input: 'drop', error: 'x' },
      { name: 'other error', input: 'throw', error: 'oh yes' },
      { name: 'error by its code', input: 'throw', error: 'UDF_THREW' },
    ],
  });
  const actual = '{\n  "x": "a",\n  "id": "1"\n}';
  assert.deepEqual(results, [
    { name: 'met', ok: true },
    { name: 'other object', ok: false, expected: '{\n  "x": "b"\n}', actual },
    { name: 'other text', ok: false, expected: 'a', actual },
    { name: 'not filtered', ok: false, expected: '(filtered)', actual: '{\n  "x": "a"\n}' },
    { name: 'filtered', ok: false, expected: 'x', actual: '(filtered)' },
    { name: 'no error', ok: false, expected: '(an error with "x")', actual: '(filtered)' },
    {
      name: 'other error',
      ok: false,
      expected: '(an error with "oh yes")',
      actual: '(UDF_THREW: Error: oh no)',
    },
    { name: 'error by its code', ok: true },
  ]);
});

test('a file of cases that is not well formed is refused with the place', async t => {
  const path = join(await temporaryFolder(t), 'cases.json');
  await writeFile(path, JSON.stringify({ cases: [{ name: 'a', input: 'x', ouput: 'y' }] }));
  assert.throws(
    () => readCases(path),
    (error: unknown) => {
      assert.ok(error instanceof SluiceError);
      assert.equal(error.message, `${path} is not a file of cases`);
      const faults = error.violations.map(({ subject, message }) => `${subject} ${message}`);
      return faults.includes('/cases/0 must NOT have additional properties: ouput');
    },
  );
  await writeFile(path, '{');
  assert.throws(() => readCases(path), { code: 'USAGE', message: /cannot read the cases in/ });
});
