import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliOptions, sluice as runSluice } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const sluice = (args: string[], options: Partial<CliOptions> = {}) =>
  runSluice(args, { home: '/nowhere', ...options });

/** A folder with a UDF and its cases. */
async function udfWith(t: TestContext, source: string, cases: unknown): Promise<string> {
  const folder = join(await temporaryFolder(t), 'shout');
  await mkdir(folder);
  await writeFile(join(folder, 'shout.js'), source);
  await writeFile(join(folder, 'cases.json'), JSON.stringify(cases));
  return folder;
}

const SHOUT =
  'function shout(x) { if (x === "") throw new Error("nothing to shout"); return x.toUpperCase(); }';
const good = { name: 'it shouts', input: 'a', output: 'A' };
const bad = { name: 'it whispers', input: { a: 1, b: 2 }, output: { A: 1, B: 3 } };

test('udf test reports each case and the totals', async t => {
  const folder = await udfWith(t, SHOUT, { function: 'shout', cases: [good] });
  const { status, stdout } = await sluice(['udf', 'test', folder]);
  assert.equal(status, 0);
  assert.equal(stdout, 'shout\n  ok it shouts\n\n1 passed, 0 failed\n');
});

test('udf test shows what a failed case expected and got, and exits with 1', async t => {
  const folder = await udfWith(t, SHOUT, { function: 'shout', cases: [good, bad] });
  const { status, stdout } = await sluice(['udf', 'test', join(folder, 'shout.js')]);
  assert.equal(status, 1);
  assert.match(
    stdout,
    / {2}not ok it whispers\n {8}\{\n {10}"A": 1,\n {6}- {3}"B": 3\n {6}\+ {3}"B": 2\n {8}\}/,
  );
  assert.match(stdout, /\n1 passed, 1 failed \(- expected, \+ actual\)\n$/);
  const { stdout: json } = await sluice(['udf', 'test', folder, '--json']);
  assert.partialDeepStrictEqual(JSON.parse(json), { passed: 1, failed: 1, broken: 0 });
});

test('udf test exits with 2 when a UDF does not load, and still tests the others', async t => {
  const broken = await udfWith(t, 'function shout( {', { cases: [good] });
  const sound = await udfWith(t, SHOUT, { function: 'shout', cases: [good] });
  const { status, stdout } = await sluice(['udf', 'test', broken, sound]);
  assert.equal(status, 2);
  assert.match(stdout, /not ok shout\.js:1:\d+: Unexpected .* \[UDF_SYNTAX\]/);
  assert.match(stdout, /1 passed, 0 failed, 1 could not be loaded/);
});

test('udf test without a path tests the library', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'udfs', 'mine'), { recursive: true });
  await writeFile(join(home, 'udfs', 'mine', 'mine.js'), 'function process(x) { return x; }');
  await writeFile(
    join(home, 'udfs', 'mine', 'cases.json'),
    JSON.stringify({ cases: [{ name: 'same', input: 'x', output: 'x' }] }),
  );
  const { status, stdout } = await sluice(['udf', 'test'], { home });
  assert.equal(status, 0);
  assert.match(stdout, /^mine\n {2}ok same$/m);
  assert.match(stdout, /^redact$/m);
  assert.match(stdout, /\n\d+ passed, 0 failed\n$/);
  const { stdout: list } = await sluice(['udf', 'list', '--json'], { home });
  const names = JSON.parse(list).udfs.map(({ name }: { name: string }) => name);
  assert.ok(names.includes('mine') && names.includes('csv-to-json'));
});

test('udf run prints one line per element, in order, whatever becomes of it', async t => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'f.js');
  await writeFile(
    file,
    `function f(x) {
      if (x === 'drop') return null;
      if (x === 'throw') throw new Error('why');
      if (x === 'hang') for (;;) {}
      return x + '!';
    }`,
  );
  const input = Buffer.concat([
    Buffer.from('a\u2028b\n\ndrop\nthrow\nhang\n'),
    Buffer.from([0xff, 0x0a]),
    Buffer.from('end'),
  ]);
  const { status, stdout } = await sluice(['udf', 'run', file, '--function', 'f', '--timeout-ms', '50'], {
    input,
  });
  assert.equal(status, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.deepEqual(lines, [
    { index: 0, status: 'output', payload: 'a\u2028b!' },
    { index: 1, status: 'output', payload: '!' },
    { index: 2, status: 'filtered' },
    { index: 3, status: 'error', code: 'UDF_THREW', message: 'Error: why', stack: 'at f (f.js:3:32)' },
    { index: 4, status: 'error', code: 'UDF_TIMEOUT', message: 'f ran longer than 50 ms' },
    {
      index: 5,
      status: 'error',
      code: 'UDF_INPUT_NOT_UTF8',
      message: 'the element is not valid UTF-8, so it cannot be given to f as text',
    },
    { index: 6, status: 'output', payload: 'end!' },
  ]);
});

test('udf run passes the context of each line', async () => {
  const input =
    '{"payload":{"id":1},"context":{"messageId":"7","attributes":{"source":"s"}}}\n{"payload":"{}"}\n';
  const { status, stdout } = await sluice(['udf', 'run', 'udf://add-fields', '--context'], { input });
  assert.equal(status, 0);
  const payloads = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(JSON.parse(line).payload));
  assert.deepEqual(payloads, [{ id: 1, _messageId: '7', _source: 's' }, { _source: 'unknown' }]);
  const wrong = await sluice(['udf', 'run', 'udf://add-fields', '--context'], { input: '{}\nnot json\n' });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /line 1 of the input is not of the form/);
});

test('udf run prints 100,000 elements in order', async () => {
  const input = Array.from({ length: 100_000 }, (_, i) => `{"amount":${i}}\n`).join('');
  const { stdout } = await sluice(['udf', 'run', 'udf://filter'], { input });
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.equal(lines.length, 100_000);
  for (const [i, { index, status, payload }] of lines.entries()) {
    assert.deepEqual(
      [index, status, payload],
      i < 10 ? [i, 'filtered', undefined] : [i, 'output', `{"amount":${i}}`],
    );
  }
});

test('a UDF that cannot be used is one clear line and exit status 2', async t => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'u.js');
  await writeFile(file, 'function one() {}\nconst two = ;');
  const run = (...args: string[]) => sluice(['udf', 'run', ...args], { input: 'x\n' });
  const syntax = await run(file);
  assert.equal(syntax.status, 2);
  assert.match(syntax.stderr, /^sluice: u\.js:2:13: Unexpected token ';' \[UDF_SYNTAX\]$/m);
  assert.match(
    (await run(join(folder, 'absent.js'))).stderr,
    /no \.js or \.mjs file matches .*absent\.js \[UDF_NOT_FOUND\]/,
  );
  assert.match(
    (await run('udf://filter', '--function', 'other')).stderr,
    /it defines process \[UDF_FUNCTION_MISSING\]/,
  );
  const usage = await run('udf://filter', '--memory-mb', '1');
  assert.deepEqual([usage.status, usage.stdout], [2, '']);
  assert.match(usage.stderr, /--memory-mb must be a whole number from 16 to 4096/);
});

test('a path that matches nothing is told of its name in the library', async () => {
  const { status, stderr } = await sluice(['udf', 'test', 'filter']);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /no \.js or \.mjs file matches filter: the library has udf:\/\/filter \[UDF_NOT_FOUND\]/,
  );
});
