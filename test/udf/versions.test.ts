import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { listLibrary } from '../../src/udf/library.ts';
import { readScripts } from '../../src/udf/scripts.ts';
import { keepVersion, listVersions, pinned, saveCases, saveUdf } from '../../src/udf/versions.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
const sourceAt = (path: string, home: string) => readScripts(path, { home })[0]?.source;

test('an uploaded script is the latest of its name, and those before it stay under their hashes', async t => {
  const home = await temporaryFolder(t);
  const first = await saveUdf({ home }, { name: 'mine', source: 'one', module: false });
  assert.deepEqual(first, { version: hashOf('one'), changed: true });
  assert.deepEqual(await saveUdf({ home }, { name: 'mine', source: 'one', module: false }), {
    version: hashOf('one'),
    changed: false,
  });
  await saveUdf({ home }, { name: 'mine', source: 'two', module: false });
  assert.equal(sourceAt('udf://mine', home), 'two');
  assert.equal(sourceAt(`udf://mine@${hashOf('one')}`, home), 'one');
  assert.equal(sourceAt(`udf://mine@${hashOf('two')}`, home), 'two');
  const versions = listVersions({ home }, 'mine');
  assert.deepEqual(
    versions.map(({ version, latest }) => [version, latest]),
    [
      [hashOf('two'), true],
      [hashOf('one'), false],
    ],
  );
  await saveUdf({ home }, { name: 'mine', source: 'one', module: false });
  assert.equal(sourceAt('udf://mine', home), 'one');
  assert.equal(listVersions({ home }, 'mine').length, 2);
  assert.deepEqual((await readdir(join(home, 'udfs/mine'))).sort(), ['mine.js', 'versions']);
});

test('a script put into the folder by hand is kept when an upload takes its place', async t => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, 'udfs/mine'), { recursive: true });
  await writeFile(join(home, 'udfs/mine/mine.js'), 'by hand');
  await saveUdf({ home }, { name: 'mine', source: 'uploaded', module: false });
  assert.equal(sourceAt(`udf://mine@${hashOf('by hand')}`, home), 'by hand');
});

test('a module takes the place of a script and the other way round, and each is read as what it is', async t => {
  const home = await temporaryFolder(t);
  await saveUdf({ home }, { name: 'mine', source: 'script', module: false });
  const { version } = await saveUdf({ home }, { name: 'mine', source: 'module', module: true });
  const read = (path: string) => readScripts(path, { home });
  assert.deepEqual(read('udf://mine'), [{ name: 'mine.mjs', source: 'module', module: true }]);
  assert.deepEqual(read(`udf://mine@${version}`), [{ name: 'mine.mjs', source: 'module', module: true }]);
  await saveUdf({ home }, { name: 'mine', source: 'script', module: false });
  assert.deepEqual(read('udf://mine'), [{ name: 'mine.js', source: 'script', module: false }]);
  await assert.rejects(saveUdf({ home }, { name: 'mine', source: 'script', module: true }), {
    code: 'REQUEST_INVALID',
    message: /cannot be a module and a script at once/,
  });
});

test('a sample is pinned without being kept, kept when a job starts, and hidden by an upload', async t => {
  const home = await temporaryFolder(t);
  const path = pinned('udf://filter', { home });
  assert.match(path, /^udf:\/\/filter@[0-9a-f]{12}$/);
  const sample = sourceAt('udf://filter', home);
  assert.equal(sourceAt(path, home), sample);
  assert.deepEqual(await readdir(home), []);
  await keepVersion(path, { home });
  await saveUdf({ home }, { name: 'filter', source: 'my own', module: false });
  assert.equal(sourceAt('udf://filter', home), 'my own');
  assert.equal(sourceAt(path, home), sample);
  assert.equal(
    listLibrary({ home })
      .find(({ name }) => name === 'filter')
      ?.script.startsWith(home),
    true,
  );
});

test('many uploads of a name at the same time leave one of them, whole, and every version', async t => {
  const home = await temporaryFolder(t);
  const sources = Array.from({ length: 20 }, (_, i) => `version ${i} `.repeat(1000));
  await Promise.all(sources.map(source => saveUdf({ home }, { name: 'mine', source, module: false })));
  assert.ok(sources.includes(String(sourceAt('udf://mine', home))));
  for (const source of sources) assert.equal(sourceAt(`udf://mine@${hashOf(source)}`, home), source);
  assert.deepEqual((await readdir(join(home, 'udfs/mine'))).sort(), ['mine.js', 'versions']);
  assert.equal((await readdir(join(home, 'udfs/mine/versions'))).length, 20);
});

test('names and versions that lead elsewhere are refused, links too', async t => {
  const home = await temporaryFolder(t);
  const outside = await temporaryFolder(t);
  await writeFile(join(outside, 'mine.js'), 'outside');
  for (const name of ['../mine', 'a/b', '', '.', '..', 'a.b', 'a\0b', 'x'.repeat(101), '%2e%2e']) {
    await assert.rejects(saveUdf({ home }, { name, source: 'x', module: false }), { code: 'UDF_NOT_FOUND' });
    await assert.rejects(saveCases({ home }, name, '{}'), { code: 'UDF_NOT_FOUND' });
  }
  await saveUdf({ home }, { name: 'mine', source: 'x', module: false });
  for (const version of ['', '..', '../mine', '0'.repeat(12), 'g'.repeat(12), `${hashOf('x')}@1`])
    assert.throws(() => readScripts(`udf://mine@${version}`, { home }), { code: 'UDF_NOT_FOUND' });
  await symlink(outside, join(home, 'udfs/linked'));
  await writeFile(join(outside, 'linked.js'), 'outside');
  assert.throws(() => readScripts('udf://linked', { home }), { code: 'UDF_NOT_FOUND' });
  await assert.rejects(saveUdf({ home }, { name: 'linked', source: 'x', module: false }), {
    code: 'PATH_FORBIDDEN',
  });
  assert.equal(await readFile(join(outside, 'linked.js'), 'utf8'), 'outside');
  assert.deepEqual((await readdir(outside)).sort(), ['linked.js', 'mine.js']);
});

test('what is too large is refused, and cases belong to an uploaded script', async t => {
  const home = await temporaryFolder(t);
  const source = 'x'.repeat(5 * 1024 * 1024 + 1);
  await assert.rejects(saveUdf({ home }, { name: 'big', source, module: false }), {
    code: 'REQUEST_TOO_LARGE',
  });
  await assert.rejects(saveCases({ home }, 'filter', '{}'), {
    code: 'UDF_NOT_FOUND',
    message: 'there is no uploaded UDF filter: upload its script first',
  });
  await saveUdf({ home }, { name: 'mine', source: 'x', module: false });
  await saveCases({ home }, 'mine', '{"cases":[]}');
  assert.equal(await readFile(join(home, 'udfs/mine/cases.json'), 'utf8'), '{"cases":[]}');
});
