import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../helpers/server.ts';

/** Opens a stream; resolves once the server has taken it. */
async function listen(fetchStream: (path: string, init: RequestInit) => Promise<Response>) {
  const gone = new AbortController();
  const response = await fetchStream('/api/events', { signal: gone.signal });
  return { response, leave: () => gone.abort() };
}

test('streams end when the server stops, so that it can', async t => {
  const server = await startServer(t);
  const { response } = await listen(server.fetch);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const read = response.text();
  const began = Date.now();
  await server.close();
  await read;
  assert.ok(Date.now() - began < 5000);
});

test('only so many clients may listen; who leaves makes room', async t => {
  const server = await startServer(t);
  const streams = await Promise.all(Array.from({ length: 256 }, () => listen(server.fetch)));
  assert.ok(streams.every(({ response }) => response.status === 200));
  const refused = await server.get('/api/events');
  assert.equal(refused.status, 429);
  assert.match(refused.body.error.message, /256 clients listen/);
  streams[0]?.leave();
  let again = await listen(server.fetch);
  while (again.response.status === 429) again = await listen(server.fetch);
  assert.equal(again.response.status, 200);
  const head = await server.fetch('/api/events', { method: 'HEAD' });
  assert.equal(head.status, 429);
});
