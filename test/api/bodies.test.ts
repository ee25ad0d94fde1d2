import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { tokensIn } from '../../src/access/tokens.ts';
import { bodyOf, exchange } from '../helpers/raw.ts';
import { startServer } from '../helpers/server.ts';

const head = (url: string, ...more: string[]) =>
  [`POST /api/tokens HTTP/1.1`, `Host: ${new URL(url).host}`, ...more, '', ''].join('\r\n');

test('a body that is no JSON, or JSON of the wrong type, is refused by name', async t => {
  const { post } = await startServer(t);
  const refusals: [body: string, message: RegExp][] = [
    ['{"name": "a",', /no well-formed JSON/],
    ['name=a', /no well-formed JSON/],
    ['"text"', /body must be object/],
    ['null', /body must be object/],
    ['[]', /body must be object/],
    ['{}', /name must be given; role must be given/],
    ['', /name must be given/],
    ['{"name": 7, "role": ["admin"]}', /name must be string; role must be string/],
    [
      '{"name": "a", "role": "root"}',
      /role must be equal to one of the allowed values: viewer, operator, admin/,
    ],
    ['{"name": "a", "role": "admin", "more": 1}', /must NOT have additional properties: more/],
    ['{"name": "a\\u0000", "role": "admin"}', /name must match pattern/],
  ];
  for (const [body, message] of refusals) {
    const answer = await post('/api/tokens', body);
    assert.equal(answer.status, 400, body);
    assert.equal(answer.body.error.status, 'INVALID_ARGUMENT');
    assert.match(answer.body.error.message, message);
  }
});

test('keys that reach into prototypes, and documents too deep or too wide, are refused', async t => {
  const { post } = await startServer(t);
  const deep = (depth: number) => `{"name": ${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const refusals: [body: string, message: RegExp][] = [
    ['{"__proto__": {"role": "admin"}, "name": "a"}', /the key "__proto__"/],
    ['{"name": "a", "role": {"constructor": {"prototype": {}}}}', /the key "constructor"/],
    ['{"name": [{"prototype": 1}]}', /the key "prototype"/],
    [deep(64), /more than 64 deep/],
    [deep(400_000), /more than 64 deep/],
    [`{"name": [${'0,'.repeat(30_000)}0]}`, /more than 20000 values/],
  ];
  for (const [body, message] of refusals) {
    const answer = await post('/api/tokens', body);
    assert.equal(answer.status, 400, message.source);
    assert.match(answer.body.error.message, message);
  }
  assert.match((await post('/api/tokens', deep(63))).body.error.message, /name must be string/);
  assert.equal(({} as Record<string, unknown>).role, undefined);
});

test('a body over the limit is refused before it is read, also when it does not say how long it is', async t => {
  const { url, post } = await startServer(t);
  const { status, body } = await post('/api/tokens', { name: 'a'.repeat(1 << 20) });
  assert.equal(status, 413);
  assert.match(body.error.message, /1048576 bytes/);
  const announced = await exchange(
    url,
    head(url, 'Content-Type: application/json', 'Content-Length: 99999999999'),
    '{',
  );
  assert.match(announced, /^HTTP\/1\.1 413 /);
  assert.match(announced, /connection: close/i);
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
  const endless = await exchange(
    url,
    head(url, 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
    ...Array.from({ length: 300 }, () => chunk),
  );
  assert.match(endless, /^HTTP\/1\.1 413 /);
  assert.equal(bodyOf(endless).error.status, 'INVALID_ARGUMENT');
});

test('who may not do something is told so before its body is read', async t => {
  const { url, service } = await startServer(t, { as: 'admin' });
  const viewer = tokensIn(service.store).create('viewer', 'viewer');
  const json = ['Content-Type: application/json', 'Content-Length: 1000000'];
  for (const [authorization, status] of [
    ['Bearer slc_none', 401],
    [`Bearer ${viewer}`, 403],
  ]) {
    const answer = await exchange(url, head(url, `Authorization: ${authorization}`, ...json), '{');
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*connection: close`, 'is'));
  }
});

test('a body that is no UTF-8, or ends too early, is refused', async t => {
  const { url, get } = await startServer(t);
  const answer = await fetch(`${url}/api/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from([0x22, 0xff, 0x22]),
  });
  assert.equal(answer.status, 400);
  assert.match(await answer.text(), /not well-formed UTF-8/);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(head(url, 'Content-Type: application/json', 'Content-Length: 10'), () => socket.destroy());
  await once(socket, 'close');
  assert.equal((await get('/healthz')).status, 200);
});

test('bodies of other types, charsets and encodings are refused as such', async t => {
  const { post } = await startServer(t);
  const headers: Record<string, string>[] = [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-type': 'application/json; charset=koi8-r' },
    { 'content-encoding': 'gzip' },
  ];
  for (const each of headers) {
    const { status, body } = await post('/api/tokens', '{"name": "a", "role": "admin"}', { headers: each });
    assert.equal(status, 415, JSON.stringify(each));
    assert.equal(body.error.details[0].reason, 'MEDIA_TYPE_UNSUPPORTED');
  }
  const headersOf = { 'content-type': 'application/json; charset=utf-8' };
  const made = await post('/api/tokens', '{"name": "a", "role": "admin"}', { headers: headersOf });
  assert.equal(made.status, 200);
});

test('what must be there once is told in words, whether it is missing or there twice', async t => {
  const { post } = await startServer(t);
  const message = async (body: object) => (await post('/api/udfs:run', body)).body.error.message;
  for (const body of [{ elements: [] }, { elements: [], source: 'a', path: 'b' }])
    assert.equal(await message(body), 'Invalid request: body must have exactly one of source and path');
});
