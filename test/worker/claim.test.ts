import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { claim, holderOf } from '../../src/worker/claim.ts';
import { identify, isRunning, readIdentity } from '../../src/worker/identity.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A process that claims a folder and then does nothing. */
async function startHolder(t: TestContext, folder: string): Promise<ChildProcess> {
  const program = `import { claim } from ${JSON.stringify(new URL('../../src/worker/claim.ts', import.meta.url))};
    console.log(claim(${JSON.stringify(folder)}) !== undefined);
    setInterval(() => {}, 1e6);`;
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  assert.equal(String(said), 'true\n');
  return child;
}

test('a folder is one process’s until it ends, whatever it ends by', async t => {
  const folder = await temporaryFolder(t);
  const child = await startHolder(t, folder);
  assert.equal(claim(folder), undefined);
  assert.equal(holderOf(folder)?.pid, child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(holderOf(folder), undefined);
  const release = claim(folder);
  assert.ok(release);
  assert.equal(holderOf(folder)?.pid, process.pid);
  assert.equal(claim(folder), undefined);
  release();
  claim(folder)?.();
});

test('a process is told from another one that got its id', async t => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'pid');
  const self = identify(process.pid);
  assert.ok(self && isRunning(self));
  assert.equal(isRunning({ ...self, began: `${self.began}0` }), false);
  for (const [text, expected] of [
    [`${self.pid} ${self.began}\n`, self],
    [`${self.pid} ${self.began}`, undefined],
    ['', undefined],
    ['1\n', undefined],
  ] as const) {
    await writeFile(path, text);
    assert.deepEqual(readIdentity(path), expected);
  }
  assert.equal(readIdentity(join(folder, 'none')), undefined);
});

test('neither what nobody waits for any more, nor nothing, is a process', async t => {
  assert.equal(identify(0), undefined);
  assert.equal(identify(2 ** 22 + 1), undefined);
  if (process.platform !== 'linux') return t.skip('zombies are made here by a shell of Linux');
  // The shell becomes a sleeper, which never asks for the child that has ended.
  const child = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  const pid = Number(said);
  for (let state = ''; state !== 'Z'; )
    state = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.[0] ?? '';
  assert.equal(identify(pid), undefined);
});
