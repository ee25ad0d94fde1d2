import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { bodyOf, exchange } from '../helpers/raw.ts';
import { startServer } from '../helpers/server.ts';

const fast = { headersTimeoutMs: 300, requestTimeoutMs: 600 };

test('who takes too long for the head or the body of a request is cut off', async t => {
  const { url } = await startServer(t, fast);
  const { host } = new URL(url);
  for (const begun of [
    'GET /healthz HTTP/1.1\r\nHost:',
    `POST /api/tokens HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`,
  ]) {
    const answer = await exchange(url, begun);
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout/);
    assert.equal(bodyOf(answer).error.code, 408);
  }
});

test('drops that come one by one do not keep a request alive', async t => {
  const { url } = await startServer(t, fast);
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n');
  const dripping = setInterval(() => socket.write('x: y\r\n'), 20);
  const began = Date.now();
  await once(socket.resume(), 'close');
  clearInterval(dripping);
  assert.ok(Date.now() - began < 5000);
});

test('what is no HTTP, and heads that are too large, are told so in JSON', async t => {
  const { url, get } = await startServer(t);
  const noise = await exchange(url, 'SSH-2.0-OpenSSH_9.7\r\n\r\n');
  assert.match(noise, /^HTTP\/1\.1 400 Bad Request/);
  assert.equal(bodyOf(noise).error.status, 'INVALID_ARGUMENT');
  const large = await exchange(url, `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 431 /);
  assert.equal(bodyOf(large).error.code, 431);
  assert.equal((await get('/healthz')).status, 200);
});

test('more connections than there may be are refused, and places become free again', async t => {
  const { url } = await startServer(t, { maxConnections: 2 });
  const { port, hostname, host } = new URL(url);
  const sockets = [connect(Number(port), hostname), connect(Number(port), hostname)];
  await Promise.all(sockets.map(socket => once(socket, 'connect')));
  const ask = () => exchange(url, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const refused = await ask().catch(error => error.code);
  assert.ok(refused === '' || refused === 'ECONNRESET', refused);
  for (const socket of sockets) {
    socket.end();
    await once(socket.resume(), 'close');
  }
  assert.match(await ask(), /^HTTP\/1\.1 200 /);
});
