import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { authenticator } from '../../src/access/authenticate.ts';
import { local } from '../../src/access/roles.ts';
import { tokensIn } from '../../src/access/tokens.ts';
import { openStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function open(t: TestContext) {
  const home = await temporaryFolder(t);
  const store = openStore({ home });
  t.after(() => store.close());
  return { home, store, tokens: tokensIn(store) };
}

test('a token is 256 random bits, and only its SHA-256 is kept', async t => {
  const { home, store, tokens } = await open(t);
  const token = tokens.create('ci', 'operator');
  assert.match(token, /^slc_[\w-]{43}$/);
  assert.notEqual(tokens.create('other', 'operator'), token);
  const { hash } = store.database.prepare("SELECT hash FROM tokens WHERE name = 'ci'").get() ?? {};
  assert.deepEqual(Buffer.from(hash as Uint8Array), createHash('sha256').update(token).digest());
  store.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  assert.equal(readFileSync(join(home, 'sluice.db')).includes(token.slice(4)), false);
});

test('a token is known by what it is, and by nothing near it', async t => {
  const { tokens } = await open(t);
  const token = tokens.create('ci', 'operator');
  assert.deepEqual(tokens.callerOf(token), { name: 'ci', role: 'operator' });
  const last = token.endsWith('A') ? 'B' : 'A';
  for (const wrong of [
    `${token}A`,
    token.slice(0, -1) + last,
    token.slice(4),
    token.toUpperCase(),
    '',
    'slc_',
  ])
    assert.equal(tokens.callerOf(wrong), undefined, wrong);
});

test('a revoked token is worthless at once, and its name is free again', async t => {
  const { tokens } = await open(t);
  const token = tokens.create('ci', 'viewer');
  assert.throws(() => tokens.create('ci', 'viewer'), {
    code: 'REQUEST_INVALID',
    message: /already a token named ci/,
  });
  tokens.revoke('ci');
  assert.equal(tokens.callerOf(token), undefined);
  assert.equal(tokens.exist(), false);
  assert.throws(() => tokens.revoke('ci'), { code: 'TOKEN_NOT_FOUND' });
  tokens.create('ci', 'viewer');
});

test('the list tells names, roles and times, and notes the last use', async t => {
  const { tokens } = await open(t);
  const token = tokens.create('b', 'viewer');
  tokens.create('a', 'admin');
  tokens.callerOf(token);
  const [first, second] = tokens.list();
  assert.deepEqual([first?.name, first?.role, first?.lastUsed], ['a', 'admin', undefined]);
  assert.deepEqual([second?.name, second?.role], ['b', 'viewer']);
  assert.ok(Math.abs(Date.parse(second?.lastUsed ?? '') - Date.now()) < 5000);
  assert.equal(JSON.stringify(tokens.list()).includes(token), false);
});

test('names of tokens are short and plain', async t => {
  const { tokens } = await open(t);
  for (const name of ['', 'a b', '-a', 'a\n', '../a', 'x'.repeat(64)])
    assert.throws(() => tokens.create(name, 'viewer'), { code: 'REQUEST_INVALID' }, name);
});

test('without tokens the caller is local, unless tokens are required; with one each call needs it', async t => {
  const { tokens } = await open(t);
  const open_ = authenticator(tokens, { required: false });
  const strict = authenticator(tokens, { required: true });
  assert.equal(open_({}), local);
  assert.equal(open_({ authorization: 'Bearer anything' }), local);
  assert.throws(() => strict({}), { code: 'UNAUTHENTICATED' });
  const token = tokens.create('ci', 'viewer');
  for (const authenticate of [open_, strict]) {
    const caller = { name: 'ci', role: 'viewer' };
    assert.throws(() => authenticate({}), { code: 'UNAUTHENTICATED', message: /needs a token/ });
    assert.throws(() => authenticate({ authorization: 'Basic eDp5' }), { code: 'UNAUTHENTICATED' });
    assert.throws(() => authenticate({ authorization: 'Bearer slc_x' }), { message: /not known/ });
    assert.deepEqual(authenticate({ authorization: `Bearer ${token}` }), caller);
    assert.deepEqual(authenticate({ authorization: `bearer  ${token} ` }), caller);
    assert.deepEqual(authenticate({ 'x-goog-api-key': token }), caller);
    assert.deepEqual(authenticate({ 'x-goog-api-key': [token] }), caller);
  }
});
