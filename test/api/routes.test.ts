import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange } from '../helpers/raw.ts';
import { startServer } from '../helpers/server.ts';

test('an unknown route is told as JSON, whatever it looks like', async t => {
  const { url, get } = await startServer(t);
  for (const path of [
    '/',
    '/no',
    '/api',
    '/api/tokens/a/b',
    '/v1b3',
    '/API/tokens',
    '/%00',
    '/%zz',
    '//',
    '/%2e%2e/etc',
  ]) {
    const { status, body, headers } = await get(path);
    assert.equal(status, 404, path);
    assert.equal(body.error.details[0].reason, 'ROUTE_NOT_FOUND');
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
  }
  const star = await exchange(url, 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.match(star, /^HTTP\/1\.1 (404|204) /);
});

test('names in a path that lead somewhere else, or have signs that no name has, name nothing', async t => {
  const { url } = await startServer(t);
  const ask = (name: string) =>
    exchange(url, `DELETE /api/tokens/${name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  for (const name of [
    '..',
    '.',
    '%2e%2e',
    '%2e',
    '..%2f..%2fetc',
    'a%2fb',
    'a%5cb',
    'a%00',
    'a%0d%0aset-cookie:x',
  ])
    assert.match(await ask(name), /^HTTP\/1\.1 404 .*ROUTE_NOT_FOUND/s, name);
  assert.match(await ask('%zz'), /^HTTP\/1\.1 400 .*REQUEST_INVALID/s);
  assert.match(await ask('a..b'), /TOKEN_NOT_FOUND/);
});

test('a method that a route does not take is told with those it takes', async t => {
  const { url, post, get } = await startServer(t);
  const refused = await post('/healthz');
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get('allow'), 'GET, HEAD, OPTIONS');
  const { headers } = await get('/api/tokens', { method: 'PATCH' }).catch(() => ({ headers: new Headers() }));
  assert.ok(headers);
  const patched = await fetch(`${url}/api/tokens`, { method: 'PATCH' });
  assert.equal(patched.status, 405);
  assert.equal(patched.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
  const options = await fetch(`${url}/api/tokens`, { method: 'OPTIONS' });
  assert.equal(options.status, 204);
  assert.equal(options.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
  assert.equal(options.headers.get('access-control-allow-origin'), null);
});

test('HEAD answers as GET does, without the body', async t => {
  const { url, get } = await startServer(t);
  for (const path of ['/healthz', '/api/tokens', '/metrics']) {
    const head = await fetch(`${url}${path}`, { method: 'HEAD' });
    const whole = await get(path);
    assert.equal(head.status, 200, path);
    assert.equal(head.headers.get('content-type'), whole.headers.get('content-type'));
    assert.equal(await head.text(), '');
  }
});

test('query keys that mean nothing here are ignored, of one given twice the last counts', async t => {
  const { get } = await startServer(t);
  const junk =
    'alt=json&%24alt=json%3Benum-encoding%3Dint&prettyPrint=false&fields=a&quotaUser=b&uploadType=c';
  assert.equal((await get(`/api/audit?${junk}&__proto__=1&constructor=2&a[b]=3`)).status, 200);
  assert.equal((await get('/api/audit?pageSize=0&pageSize=3')).status, 200);
  const refused = await get('/api/audit?pageSize=3&pageSize=0');
  assert.match(refused.body.error.message, /pageSize must be >= 1/);
  const text = await get('/api/audit?pageSize=many');
  assert.match(text.body.error.message, /pageSize must be integer/);
});

test('every answer has an id and may not be framed, sniffed or scripted', async t => {
  const { get } = await startServer(t);
  for (const path of ['/healthz', '/no', '/reference']) {
    const { headers } = await get(path);
    assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe/);
    assert.equal(headers.get('x-powered-by'), null);
  }
});

test('the reference page is whole, from here, and without a script inside', async t => {
  const { get } = await startServer(t, { as: 'viewer' });
  const { text, headers } = await get('/reference');
  assert.match(headers.get('content-type') ?? '', /^text\/html/);
  const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  assert.equal(parts.length, 3);
  for (const part of parts) {
    const { status, headers } = await get(part, { headers: { authorization: '' } });
    assert.equal(status, 200, part);
    assert.match(headers.get('content-type') ?? '', part.endsWith('.css') ? /css/ : /javascript/);
  }
  for (const [, attributes, inside] of text.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)) {
    assert.match(attributes ?? '', /src="\/reference\//);
    assert.equal(inside, '');
  }
  assert.doesNotMatch(text, / on\w+=|style=|https?:/);
});
