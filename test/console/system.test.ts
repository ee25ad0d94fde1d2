import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit } from '../../src/access/audit.ts';
import { tokensIn } from '../../src/access/tokens.ts';
import { consoleOf } from '../../src/console/console.ts';
import { assertAccessible, browser } from '../helpers/browser.ts';
import { startServer } from '../helpers/server.ts';
import { missing } from '../services/index.ts';

const openPage = browser();
const skip = missing('chromium');
const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };

test('the system page tells the version, the settings in force and no secret', async t => {
  const config = { roots: ['/data'], secretEnv: ['DB_PASSWORD'], googleCredentials: '/keys/google.json' };
  const { get, home } = await startServer(t, { pages: consoleOf, config, maxJobs: 7 });
  const { text, status } = await get('/system');
  assert.equal(status, 200);
  assert.ok(text.includes(process.version));
  assert.match(text, /<dd>7<\/dd>[\s\S]*<dd>\/data<\/dd>/);
  assert.ok(text.includes(home));
  const { text: state } = await get('/system/state');
  assert.match(state, /<dt>Pub\/Sub<\/dt>[\s\S]*Google’s own/);
  assert.doesNotMatch(text + state, /google\.json/);
  assert.match(state, /<dt>Free<\/dt><dd>[\d.]+ [kMGT]B of/);
});

test('a Docker engine that is not there is told, with why', async t => {
  const { get } = await startServer(t, {
    pages: consoleOf,
    config: { dockerHost: 'unix:///nowhere/docker.sock' },
  });
  const { text } = await get('/system/state');
  assert.match(text, /Does not answer<\/span>\s*unix:\/\/\/nowhere\/docker\.sock/);
  assert.match(text, /ENOENT/);
});

test('only admins see tokens and what was done', async t => {
  for (const as of ['viewer', 'operator'] as const) {
    const { get, post } = await startServer(t, { pages: consoleOf, as });
    const { text } = await get('/system');
    assert.doesNotMatch(text, /\/system\/tokens/);
    for (const path of ['/system/tokens', '/system/audit']) {
      const refused = await get(path);
      assert.equal(refused.status, 403);
      assert.match(refused.text, new RegExp(`needs a token with the role admin; yours is ${as}`));
    }
    const { status } = await post('/system/tokens', 'name=x&role=admin', { headers: form });
    assert.equal(status, 403);
  }
});

test('a token is shown once, refused with what is wrong with it, and revoked', async t => {
  const { get, post, service } = await startServer(t, { pages: consoleOf, as: 'admin' });
  const made = await post('/system/tokens', 'name=ci&role=operator', { headers: form });
  const [token = ''] = /slc_[\w-]{43}/.exec(made.text) ?? [];
  assert.equal(tokensIn(service.store).callerOf(token)?.role, 'operator');
  assert.equal(made.headers.get('cache-control'), 'no-store');
  assert.doesNotMatch((await get('/system/tokens')).text, /slc_/);
  for (const [body, why] of [
    ['name=ci&role=viewer', 'there is already a token named ci'],
    ['name=%3Cb%3E&role=viewer', 'cannot name a token'],
    ['name=x&role=king', 'Choose a role'],
  ] as const) {
    const { status, text } = await post('/system/tokens', body, { headers: form });
    assert.equal(status, 400);
    assert.ok(text.includes(why), why);
    assert.doesNotMatch(text, /<b>|slc_/);
  }
  const revoked = await post('/system/tokens/ci/revoke', '', { headers: form, redirect: 'manual' });
  assert.equal(revoked.status, 303);
  assert.equal(tokensIn(service.store).callerOf(token), undefined);
  const { text: done } = await get('/system/audit?subject=ci');
  assert.match(done, /token\.revoke[\s\S]*token\.create[\s\S]*role operator/);
});

test('what was done is paged, filtered and text', async t => {
  const prepare = (service: Parameters<typeof audit>[0]) => {
    for (let i = 1; i <= 120; i++) audit(service, { name: i % 2 ? 'ada' : 'bob' }, 'job.launch', `<b>${i}`);
  };
  const { get } = await startServer(t, { pages: consoleOf, prepare });
  const rows = (text: string) => [...text.matchAll(/>&lt;b&gt;(\d+)</g)].map(([, number]) => Number(number));
  const first = await get('/system/audit?who=ada');
  assert.deepEqual(
    rows(first.text),
    Array.from({ length: 50 }, (_, i) => 119 - 2 * i),
  );
  const [, older = ''] = /href="(\/system\/audit\?[^"]*before[^"]*)"/.exec(first.text) ?? [];
  const second = await get(older.replaceAll('&amp;', '&').replaceAll('&#x3D;', '='));
  assert.deepEqual(
    rows(second.text),
    Array.from({ length: 10 }, (_, i) => 19 - 2 * i),
  );
  assert.equal((await get('/system/audit?before=x')).status, 400);
});

test('who makes the first token is asked for it, logs in, and is out when it is revoked', {
  skip,
}, async t => {
  const { url } = await startServer(t, { pages: consoleOf });
  const page = await openPage(t, { url });
  await page.goto('/system');
  await page.getByRole('heading', { name: 'Services' }).waitFor();
  await assertAccessible(page);
  await page.getByRole('link', { name: 'Tokens' }).click();
  await assertAccessible(page);
  await page.getByLabel('Name').fill('ada');
  await page.getByRole('button', { name: 'Make the token' }).click();
  const token = (await page.locator('.command pre').textContent()) ?? '';
  await assertAccessible(page);
  await page.getByRole('link', { name: 'What was done' }).click();
  await page.waitForURL('**/login?next=%2Fsystem%2Faudit');
  await assertAccessible(page);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL('**/system/audit');
  await page.getByText('token.create').waitFor();
  await assertAccessible(page);
  await page.goto('/system/tokens');
  await page.getByText('Revoke ada').first().click();
  await page.getByRole('button', { name: 'Revoke ada' }).click();
  // Without any token the user of this machine needs none again.
  await page.getByRole('heading', { name: 'No tokens' }).waitFor();
});
