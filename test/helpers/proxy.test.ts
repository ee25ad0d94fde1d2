import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startProxy } from './proxy.ts';

test('a proxy passes bytes on, breaks, refuses and stalls', async t => {
  const proxy = await startProxy(t, await echoServer(t));
  const first = await connected(t, proxy.port);
  assert.equal(await echo(first, 'one'), 'one');
  assert.equal(proxy.bytesDown, 3);

  const broken = once(first, 'close');
  proxy.cut();
  await broken;
  const second = await connected(t, proxy.port);
  assert.equal(await echo(second, 'two'), 'two');

  await proxy.refuse();
  await assert.rejects(connected(t, proxy.port), { code: 'ECONNREFUSED' });
  await proxy.restore();
  const third = await connected(t, proxy.port);
  assert.equal(await echo(third, 'three'), 'three');

  proxy.stall();
  let answered = false;
  const answer = echo(third, 'four').finally(() => {
    answered = true;
  });
  const other = echo(await connected(t, proxy.port), 'five');
  // Time for what must not come.
  await new Promise(resolve => setTimeout(resolve, 50));
  assert.equal(answered, false);
  await proxy.restore();
  assert.deepEqual(await Promise.all([answer, other]), ['four', 'five']);
});

async function echoServer(t: TestContext): Promise<{ host: string; port: number }> {
  const server = createServer(socket => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function connected(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket.setEncoding('utf8').on('error', () => {});
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = await once(socket, 'data');
  return answer;
}
