import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../../src/engine/folders.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('missing folders are made, and the topmost of them is told', async t => {
  const folder = await temporaryFolder(t);
  assert.equal(await makeFolder(join(folder, 'a/b/c')), join(folder, 'a'));
  assert.ok((await stat(join(folder, 'a/b/c'))).isDirectory());
  assert.equal(await makeFolder(join(folder, 'a/b/c')), undefined);
  assert.equal(await makeFolder(join(folder, 'a/b/d')), join(folder, 'a/b/d'));
});

test('many may make the same folder at once', async t => {
  const folder = await temporaryFolder(t);
  await Promise.all(Array.from({ length: 20 }, () => makeFolder(join(folder, 'x/y/z'))));
  assert.ok((await stat(join(folder, 'x/y/z'))).isDirectory());
});

test('a file in the way and a file system that makes no folders are refused', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(makeFolder(join(folder, 'file')), { code: 'EEXIST' });
  await assert.rejects(makeFolder(join(folder, 'file/x')), { code: 'ENOTDIR' });
  await assert.rejects(makeFolder('/proc/sluice/x'), { code: 'ENOENT' });
});
