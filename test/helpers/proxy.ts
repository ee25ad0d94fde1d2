import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { freePort } from '../services/service.ts';
import { atEnd } from './at-end.ts';

export interface Target {
  host: string;
  port: number;
}

/** A network between a client and a server that can fail in the ways networks do. */
export interface TcpProxy {
  host: string;
  port: number;
  /** `host:port`. */
  address: string;
  /** What the server has sent to clients so far. */
  readonly bytesDown: number;
  /** Connects new clients to this server. */
  to(target: Target): void;
  /** Breaks every connection; new ones are taken. */
  cut(): void;
  /** Breaks every connection and refuses new ones, as where no server is, until `restore`. */
  refuse(): Promise<void>;
  /** Keeps every connection and lets nothing through, until `restore`. */
  stall(): void;
  restore(): Promise<void>;
}

/** A proxy on a port of its own, gone after the test. */
export async function startProxy(t: Pick<TestContext, 'after'>, target?: Target): Promise<TcpProxy> {
  const port = await freePort();
  const pairs = new Set<[Socket, Socket]>();
  let [to, stalled, bytesDown] = [target, false, 0];
  let server: Server | undefined;
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const join = (client: Socket) => {
    if (!to) return void client.destroy();
    const upstream = connect(to.port, to.host);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const [i, socket] of pair.entries()) {
      const other = pair[1 - i];
      socket.setNoDelay();
      socket.on('data', chunk => {
        if (socket === upstream) bytesDown += chunk.length;
        if (other?.write(chunk) === false) socket.pause();
      });
      socket.on('drain', () => stalled || other?.resume());
      socket.on('end', () => other?.end());
      socket.on('error', () => {});
      socket.on('close', () => {
        other?.destroy();
        pairs.delete(pair);
      });
      if (stalled) socket.pause();
    }
  };
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server = createServer(join).once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  const refuse = async () => {
    const closed = new Promise(resolve => (server ? server.close(resolve) : resolve(undefined)));
    server = undefined;
    cut();
    await closed;
  };
  await listen();
  atEnd(t, refuse);
  return {
    host: '127.0.0.1',
    port,
    address: `127.0.0.1:${port}`,
    get bytesDown() {
      return bytesDown;
    },
    to(next) {
      to = next;
    },
    cut,
    refuse,
    stall() {
      stalled = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    async restore() {
      stalled = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
      if (!server) await listen();
    },
  };
}
