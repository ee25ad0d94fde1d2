import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkFunctionName, readScripts } from '../../src/udf/scripts.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A home with these files in it. */
async function homeWith(t: TestContext, files: Record<string, string | Buffer>): Promise<string> {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'cloud', 'gs'), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), text);
  }
  return home;
}

const namesOf = (path: string, home: string) => readScripts(path, { home }).map(({ name }) => name);

test('a file is one script, read as UTF-8 without its mark; .mjs is a module', async t => {
  const home = await homeWith(t, { 'a.js': '\uFEFFconst ä = 1;', 'b.mjs': 'export const b = 1;' });
  assert.deepEqual(readScripts(join(home, 'a.js'), { home }), [
    { name: 'a.js', source: 'const ä = 1;', module: false },
  ]);
  assert.deepEqual(
    readScripts(join(home, 'b.mjs'), { home }).map(({ module }) => module),
    [true],
  );
});

test('a pattern gives its scripts in lexicographic order, and nothing else', async t => {
  const home = await homeWith(t, {
    'u/b.js': '',
    'u/a.js': '',
    'u/C.js': '',
    'u/readme.txt': '',
    'u/d.json': '',
  });
  assert.deepEqual(namesOf(join(home, 'u', '*'), home), ['C.js', 'a.js', 'b.js']);
  assert.deepEqual(namesOf(join(home, 'u', '[ab].js'), home), ['a.js', 'b.js']);
});

test('a name with the signs of a pattern is a file first', async t => {
  const home = await homeWith(t, { 'u[1].js': '' });
  assert.deepEqual(namesOf(join(home, 'u[1].js'), home), ['u[1].js']);
});

test('gs:// is a folder of the local cloud, and never leads out of it', async t => {
  const home = await homeWith(t, {
    'cloud/gs/bucket/u/a.js': '',
    'cloud/gs/bucket/u/b.js': '',
    'secret.js': '',
  });
  assert.deepEqual(namesOf('gs://bucket/u/*.js', home), ['a.js', 'b.js']);
  await symlink(join(home, 'secret.js'), join(home, 'cloud/gs/bucket/link.js'));
  for (const path of [
    'gs://bucket/../../secret.js',
    'gs://../secret.js',
    'gs://bucket',
    'gs://bucket//a.js',
  ]) {
    assert.throws(() => readScripts(path, { home }), { code: 'UDF_NOT_FOUND', message: /not of the form/ });
  }
  assert.throws(() => readScripts('gs://bucket/link.js', { home }), {
    message: /leads out of the local cloud/,
  });
});

test('udf:// names the user’s own, and else one of the samples', async t => {
  const home = await homeWith(t, { 'udfs/mine/mine.js': 'mine', 'udfs/filter/filter.js': 'my filter' });
  const sources = (path: string) => readScripts(path, { home }).map(({ source }) => source);
  assert.deepEqual(sources('udf://mine'), ['mine']);
  assert.deepEqual(sources('udf://filter'), ['my filter']);
  assert.match(String(sources('udf://redact')[0]), /e-mail/);
  assert.throws(() => sources('udf://absent'), { code: 'UDF_NOT_FOUND', message: /there is no UDF absent/ });
  for (const name of ['../mine', 'a/b', '', 'a.b']) {
    assert.throws(() => sources(`udf://${name}`), { code: 'UDF_NOT_FOUND', message: /is made of letters/ });
  }
});

test('what is no script is not found, and what is too large is refused', async t => {
  const home = await homeWith(t, { 'a.txt': '', 'big.js': Buffer.alloc(5 * 1024 * 1024 + 1, 32) });
  for (const path of ['a.txt', 'absent.js', '.', '*.ts']) {
    assert.throws(() => readScripts(join(home, path), { home }), {
      code: 'UDF_NOT_FOUND',
      message: /no \.js or \.mjs file matches/,
    });
  }
  assert.throws(() => readScripts(join(home, 'big.js'), { home }), {
    code: 'UDF_LOAD_FAILED',
    message: /larger than 5242880 bytes/,
  });
});

test('a function’s name is an identifier', () => {
  for (const name of ['process', '$f', '_1', undefined]) checkFunctionName(name);
  for (const name of ['', '1f', 'a.b', 'f()', 'a b', 'x;y']) {
    assert.throws(() => checkFunctionName(name), {
      code: 'UDF_FUNCTION_MISSING',
      message: /name of a function/,
    });
  }
});
