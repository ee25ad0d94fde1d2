import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { tokensIn } from '../../src/access/tokens.ts';
import { exchange } from '../helpers/raw.ts';
import { startServer } from '../helpers/server.ts';

/** `fetch` sets these headers itself. */
function statusOf(url: string, method: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, answer => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject).end();
  });
}

test('with the first token every request needs one, health excepted', async t => {
  const { get, service } = await startServer(t);
  assert.equal((await get('/api/tokens')).status, 200);
  const token = tokensIn(service.store).create('ann', 'admin');
  for (const path of [
    '/api/tokens',
    '/openapi.json',
    '/metrics',
    '/reference',
    '/v1b3/projects/p/jobs',
    '/no',
  ]) {
    const { status, headers, body } = await get(path);
    assert.equal(status, 401, path);
    assert.equal(body.error.status, 'UNAUTHENTICATED');
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer/);
  }
  for (const path of ['/healthz', '/readyz']) assert.equal((await get(path)).status, 200, path);
  for (const headers of [{ authorization: `Bearer ${token}` }, { 'x-goog-api-key': token }])
    assert.equal((await get('/api/tokens', { headers })).status, 200);
  assert.equal((await get(`/api/tokens?key=${token}`)).status, 200);
  assert.equal((await get(`/no?key=${token}`)).status, 404);
});

test('a token is refused from the moment that it is revoked', async t => {
  const { get, service } = await startServer(t, { as: 'admin' });
  assert.equal((await get('/api/tokens')).status, 200);
  tokensIn(service.store).create('other', 'viewer');
  tokensIn(service.store).revoke('admin');
  assert.equal((await get('/api/tokens')).status, 401);
});

test('each role may do what it is for', async t => {
  const { get, post, service } = await startServer(t, { as: 'viewer' });
  const refused = await get('/api/tokens');
  assert.equal(refused.status, 403);
  assert.equal(refused.body.error.message, 'listTokens needs a token with the role admin');
  assert.equal((await get('/metrics')).status, 200);
  assert.equal((await post('/api/tokens', { name: 'x', role: 'admin' })).status, 403);
  assert.deepEqual(
    tokensIn(service.store)
      .list()
      .map(({ name }) => name),
    ['viewer'],
  );
});

test('tokens are made, listed and revoked by the API, and that is in the audit log', async t => {
  const { get, post, delete: remove } = await startServer(t, { as: 'admin' });
  const made = await post('/api/tokens', { name: 'ci', role: 'operator' });
  assert.match(made.body.token, /^slc_/);
  const own = { headers: { authorization: `Bearer ${made.body.token}` } };
  assert.equal((await get('/metrics', own)).status, 200);
  assert.equal((await get('/api/audit', own)).status, 403);
  const { text } = await get('/api/tokens');
  assert.match(text, /"ci"/);
  assert.equal(text.includes(made.body.token), false);
  assert.equal((await remove('/api/tokens/ci')).status, 200);
  assert.equal((await get('/metrics', own)).status, 401);
  assert.equal((await remove('/api/tokens/ci')).status, 404);
  const { body } = await get('/api/audit?pageSize=1');
  assert.equal(body.entries[0].action, 'token.revoke');
  const rest = await get(`/api/audit?pageToken=${body.nextPageToken}`);
  assert.deepEqual(
    rest.body.entries.map(({ who, action, subject, details }: Record<string, unknown>) => [
      who,
      action,
      subject,
      details,
    ]),
    [['admin', 'token.create', 'ci', { role: 'operator' }]],
  );
  assert.equal((await get('/api/audit?pageToken=zzz')).status, 400);
});

test('without tokens only names of this machine are answered to, so that no other site can pose as it', async t => {
  const { url, service } = await startServer(t);
  const port = new URL(url).port;
  const ask = (host: string) => statusOf(`${url}/api/tokens`, 'GET', { host });
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:80', 'LOCALHOST'])
    assert.equal(await ask(host), 200, host);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.nip.io'])
    assert.equal(await ask(host), 403, host);
  const nameless = await exchange(url, 'GET /api/tokens HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n');
  assert.match(nameless, /^HTTP\/1\.1 403 /);
  assert.equal(await statusOf(`${url}/healthz`, 'GET', { host: 'a-load-balancer' }), 200);
  const token = tokensIn(service.store).create('ann', 'admin');
  const authorization = `Bearer ${token}`;
  assert.equal(await statusOf(`${url}/api/tokens`, 'GET', { host: 'sluice.example', authorization }), 200);
});

test('without tokens pages of other origins can change nothing', async t => {
  const { url } = await startServer(t);
  const ask = (headers: Record<string, string>) => statusOf(`${url}/api/tokens/none`, 'DELETE', headers);
  for (const headers of [
    {},
    { origin: url },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ])
    assert.equal(await ask(headers as Record<string, string>), 404, JSON.stringify(headers));
  for (const headers of [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: url.replace('http:', 'https:') },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: url },
  ])
    assert.equal(await ask(headers as Record<string, string>), 403, JSON.stringify(headers));
});

test('an address that others can reach is not served without a token, nor after the last is revoked', async t => {
  await assert.rejects(startServer(t, { host: '0.0.0.0' }), {
    code: 'UNAUTHENTICATED',
    message: /sluice token create/,
  });
  const { service, config, close } = await startServer(t);
  tokensIn(service.store).create('ann', 'admin');
  await close();
  const open = await startServer(t, { host: '0.0.0.0', config });
  assert.equal((await open.get('/api/tokens')).status, 401);
  tokensIn(open.service.store).revoke('ann');
  assert.equal((await open.get('/api/tokens')).status, 401);
});

test('who asks too often is told to wait, each for himself; health is always told', async t => {
  const { get, service } = await startServer(t, { as: 'viewer', requestsPerMinute: 5 });
  const other = tokensIn(service.store).create('other', 'viewer');
  const statuses: number[] = [];
  for (let i = 0; i < 7; i++) statuses.push((await get('/metrics')).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
  const { body, headers } = await get('/metrics');
  assert.equal(body.error.status, 'RESOURCE_EXHAUSTED');
  assert.ok(Number(headers.get('retry-after')) > 0);
  assert.equal((await get('/metrics', { headers: { authorization: `Bearer ${other}` } })).status, 200);
  assert.equal((await get('/healthz')).status, 200);
  // Guesses at tokens count for the address.
  const guess = { headers: { authorization: 'Bearer slc_guess' } };
  const guesses: number[] = [];
  for (let i = 0; i < 6; i++) guesses.push((await get('/metrics', guess)).status);
  assert.deepEqual(guesses, [401, 401, 401, 401, 401, 429]);
});
