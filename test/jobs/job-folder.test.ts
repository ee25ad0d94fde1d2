import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesBelow, removeFolder } from '../../src/jobs/job-folder.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a folder that holds links, pipes and what nobody may open is measured without them, and removed', async t => {
  const home = await temporaryFolder(t);
  const folder = join(home, 'job');
  await mkdir(join(folder, 'closed'), { recursive: true });
  await mkdir(join(home, 'outside'));
  await writeFile(join(home, 'outside/kept'), Buffer.alloc(5000));
  await writeFile(join(folder, 'file'), Buffer.alloc(1000));
  await writeFile(join(folder, 'closed/file'), Buffer.alloc(10));
  await symlink(join(home, 'outside'), join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  execFileSync('chmod', ['000', join(folder, 'closed')]);
  const bytes = await bytesBelow(folder);
  assert.ok(bytes >= 1000 && bytes < 1500, `${bytes}`);
  await removeFolder(folder);
  assert.ok(!existsSync(folder));
  assert.equal(readFileSync(join(home, 'outside/kept')).length, 5000);
});

test('folders within folders, deeper than a path can name, are in nobody’s way', async t => {
  const folder = join(await temporaryFolder(t), 'job');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), Buffer.alloc(1000));
  const dig = `name=$(printf '%0200d' 0); for i in $(seq 300); do mkdir $name && cd -P $name || exit 1; done`;
  execFileSync('bash', ['-c', dig], { cwd: folder });
  assert.ok((await bytesBelow(folder)) >= 1000);
  await removeFolder(folder);
  assert.ok(!existsSync(folder));
  await removeFolder(folder);
});
