import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect } from '../../src/cli/client.ts';
import { eventsOf, parseEvents, type ServerEvent } from '../../src/cli/server-events.ts';

async function* pieces(text: string, length: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function gather(events: AsyncIterable<ServerEvent>): Promise<ServerEvent[]> {
  const all: ServerEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test('events are read however the stream is cut, and signs of life are none', async () => {
  const text =
    ': alive\n\nevent: state\nid: 7\ndata: {"a":"ü"}\n\n:\r\n\r\ndata: [1,\r\ndata: 2]\r\n\r\nevent: cut\ndata: 1';
  for (const length of [1, 2, 3, 7, 1000])
    assert.deepEqual(await gather(parseEvents(pieces(text, length))), [
      { type: 'state', id: '7', data: { a: 'ü' } },
      { type: 'message', data: [1, 2] },
    ]);
});

async function served(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.after(() => server.close());
  return connect({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, {});
}

test('after a lost connection it goes on behind the last event, until nothing more can come', async t => {
  const asked: unknown[] = [];
  const client = await served(t, ({ headers }, response) => {
    asked.push(headers['last-event-id']);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (asked.length === 1)
      response.write('id: 1\ndata: "one"\n\nid: 2\ndata: "tw', () => response.destroy());
    else if (asked.length === 2) response.end('id: 2\ndata: "two"\n\n');
    else response.end();
  });
  const events = eventsOf(client, '/events', { after: '0', isOver: async () => asked.length === 3 });
  assert.deepEqual(
    (await gather(events)).map(({ data }) => data),
    ['one', 'two'],
  );
  assert.deepEqual(asked, ['0', '1', '2']);
});

test('what the server refuses is not asked again', async t => {
  let asked = 0;
  const client = await served(t, (_, response) => {
    asked++;
    response.writeHead(403).end('{"error":{"message":"not for you"}}');
  });
  const events = eventsOf(client, '/events', { isOver: async () => false });
  await assert.rejects(gather(events), { code: 'PERMISSION_DENIED', message: 'not for you' });
  assert.equal(asked, 1);
});

test('a caller who has had enough ends the connection', async t => {
  const ended = Promise.withResolvers<void>();
  const client = await served(t, (_, response) => {
    response.on('close', ended.resolve);
    response.write('data: 1\n\n');
  });
  for await (const _ of eventsOf(client, '/events', { isOver: async () => false })) break;
  await ended.promise;
});
