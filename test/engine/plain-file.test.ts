import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBelow, plainBytes, readPlain } from '../../src/engine/plain-file.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const faulty = (message: RegExp) => ({ code: 'WORKER_FAULTY', message });

test('a regular file is read up to its limit, and one that is not there is none', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'a'), 'text');
  assert.equal(await readPlain(join(folder, 'a')), 'text');
  assert.equal(await readPlain(join(folder, 'a'), 4), 'text');
  assert.equal(await readPlain(join(folder, 'b'), 4), undefined);
  await assert.rejects(readPlain(join(folder, 'a'), 3), faulty(/\/a has more than 3 bytes$/));
});

test('a link, a pipe, a socket, a device and a folder are no regular files, and keep nobody waiting', async t => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'a'), 'text');
  await symlink(join(folder, 'a'), join(folder, 'link'));
  await symlink('/nowhere', join(folder, 'dangling'));
  await symlink('loop', join(folder, 'loop'));
  await mkdir(join(folder, 'folder'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const server = createServer().listen(join(folder, 'socket'));
  t.after(() => server.close());
  for (const name of ['link', 'dangling', 'loop', 'folder', 'pipe', 'socket'])
    await assert.rejects(
      readPlain(join(folder, name)),
      faulty(new RegExp(`${name} is not a regular file`)),
      name,
    );
  await assert.rejects(readPlain('/dev/zero'), faulty(/is not a regular file/));
});

test('below a folder no link is followed, wherever it stands', async t => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'in/deep'), { recursive: true });
  await mkdir(join(folder, 'out/deep'), { recursive: true });
  await writeFile(join(folder, 'in/deep/a'), 'inside');
  await writeFile(join(folder, 'out/deep/a'), 'outside');
  await symlink('../out/deep', join(folder, 'in/link'));
  await symlink('../../out/deep/a', join(folder, 'in/deep/b'));
  const read = async (...names: string[]) =>
    Buffer.concat(await Array.fromAsync(plainBytes(join(folder, 'in'), names, 3))).toString();
  assert.equal(await read('deep', 'a'), 'inside');
  await assert.rejects(read('link', 'a'), faulty(/link is not a folder$/));
  await assert.rejects(read('deep', 'b'), faulty(/b is not a regular file$/));
  await assert.rejects(read('deep', 'a', 'c'), faulty(/a is not a folder$/));
  await assert.rejects(read('deep', 'none'), { code: 'INPUT_NOT_FOUND' });
  assert.equal(await openBelow(folder, ['none', 'a']), undefined);
});
