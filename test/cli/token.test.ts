import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sluice } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a token is made, shown once, listed without it, and revoked', async t => {
  const home = await temporaryFolder(t);
  const run = (...args: string[]) => sluice(['token', ...args], { home });
  const made = await run('create', '--name', 'ci', '--role', 'operator');
  assert.equal(made.status, 0);
  assert.match(made.stdout, /^slc_[\w-]{43}\n$/);
  const { stdout: listed } = await run('list', '--json');
  const { tokens } = JSON.parse(listed);
  assert.deepEqual([tokens.length, tokens[0].name, tokens[0].role], [1, 'ci', 'operator']);
  assert.equal(listed.includes(made.stdout.trim()), false);
  assert.match((await run('list')).stdout, /^ci +operator +made .* used never\n$/);
  const twice = await run('create', '--name', 'ci', '--role', 'viewer');
  assert.equal(twice.status, 2);
  assert.match(twice.stderr, /already a token named ci/);
  assert.equal((await run('revoke', 'ci')).status, 0);
  const gone = await run('revoke', 'ci', '--json');
  assert.equal(gone.status, 2);
  assert.equal(JSON.parse(gone.stdout).error.code, 'TOKEN_NOT_FOUND');
});

test('a token needs a name and one of the roles', async t => {
  const home = await temporaryFolder(t);
  for (const args of [
    ['--name', 'a'],
    ['--role', 'admin'],
    ['--name', 'a', '--role', 'root'],
  ]) {
    const { status, stdout } = await sluice(['token', 'create', ...args], { home });
    assert.deepEqual([status, stdout], [2, '']);
  }
});
