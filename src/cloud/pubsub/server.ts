/** The Pub/Sub service on a port: google.pubsub.v1 over gRPC, from the protos of the official client. */

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type handleUnaryCall, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { Broker } from './broker.ts';
import { HEALTH_PATH } from './health.ts';
import { publisherMethods } from './publisher.ts';
import { Store } from './store.ts';
import { Streams } from './streaming-pull.ts';
import { subscriberMethods } from './subscriber.ts';

export interface ServeOptions {
  directory: string;
  /** Tried in this order; 0 is any free port. */
  ports: readonly number[];
  /** A socket of the file system to listen at as well, which the folder it lies in keeps from others. */
  socket?: string;
  /** What the health call answers: tells this service from another on the same port. */
  identity: string;
  /** Called when there has been no connection for so long. */
  idle?: { afterMs: number; call: () => void };
}

export interface PubsubServer {
  port: number;
  close(): void;
}

const MAX_RECEIVED_BYTES = 16 << 20;

/** Opens the store of this folder and serves it; throws when another process has it open (see `isLocked`). */
export async function servePubsub(options: ServeOptions): Promise<PubsubServer> {
  const { directory, ports, socket, identity, idle } = options;
  const store = new Store(directory);
  const broker = new Broker(store);
  const streams = new Streams();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_RECEIVED_BYTES,
    'grpc.max_send_message_length': -1,
  });
  const { publisher, subscriber } = serviceDefinitions();
  server.addService(publisher, publisherMethods(broker));
  server.addService(subscriber, subscriberMethods(broker, streams));
  server.register(HEALTH_PATH, answerWith(identity), same, same, 'unary');

  // Taking the connections ourselves tells when a client is gone and when there is none.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const connections = countConnections(idle);
  const accept = (connection: Socket) => {
    const peer = `${connection.remoteAddress}:${connection.remotePort}`;
    connections.opened();
    connection.once('close', () => {
      connections.closed();
      streams.disconnected(peer);
    });
    connection.on('error', () => connection.destroy());
    injector.injectConnection(connection);
  };
  const listener = createServer({ noDelay: true }, accept);
  const port = await listenOnFirst(listener, ports);
  const beside = socket === undefined ? undefined : await listenAt(socket, accept);
  return {
    port,
    close: () => {
      connections.stop();
      listener.close();
      beside?.close();
      injector.destroy();
      server.forceShutdown();
      broker.stop();
      store.close();
    },
  };
}

/** The definitions of the two services; what carries elements is left as bytes, see `wire.ts`. */
function serviceDefinitions(): { publisher: ServiceDefinition; subscriber: ServiceDefinition } {
  const require = createRequire(import.meta.url);
  const fromClient = createRequire(require.resolve('@google-cloud/pubsub'));
  const protos = fromClient('@google-cloud/pubsub-api/build/protos/protos.json');
  const definition = fromJSON(protos, { longs: String, enums: String, defaults: true });
  const { Publish, ...publisher } = definition['google.pubsub.v1.Publisher'] as ServiceDefinition;
  const { Pull, StreamingPull, ...subscriber } = definition[
    'google.pubsub.v1.Subscriber'
  ] as ServiceDefinition;
  if (!Publish || !Pull || !StreamingPull) throw new Error('the protos of the Pub/Sub client lack a method');
  return {
    publisher: { ...publisher, Publish: { ...Publish, requestDeserialize: same } },
    subscriber: {
      ...subscriber,
      Pull: { ...Pull, responseSerialize: same },
      StreamingPull: { ...StreamingPull, responseSerialize: same },
    },
  };
}

function answerWith(text: string): handleUnaryCall<Buffer, Buffer> {
  return (_call, answer) => answer(null, Buffer.from(text));
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function countConnections(idle: ServeOptions['idle']) {
  let open = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    if (idle && open === 0) timer = setTimeout(idle.call, idle.afterMs);
  };
  wait();
  return {
    opened: () => {
      open++;
      clearTimeout(timer);
    },
    closed: () => {
      open--;
      wait();
    },
    stop: () => {
      open = Number.POSITIVE_INFINITY;
      clearTimeout(timer);
    },
  };
}

/** Whoever reaches the folder may connect: a container runs as another user. */
async function listenAt(path: string, accept: (connection: Socket) => void): Promise<NetServer> {
  mkdirSync(dirname(path), { recursive: true });
  // That of a service that was killed.
  rmSync(path, { force: true });
  let connections = 0;
  const listener = createServer(connection => {
    // It has no address: by this one the streams of a connection that closes are known.
    Object.defineProperties(connection, {
      remoteAddress: { value: 'socket' },
      remotePort: { value: ++connections },
    });
    accept(connection);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(path, resolve);
  });
  chmodSync(path, 0o666);
  return listener;
}

async function listenOnFirst(listener: NetServer, ports: readonly number[]): Promise<number> {
  let fault: unknown;
  for (const port of ports) {
    try {
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject);
        listener.listen(port, '127.0.0.1', () => {
          listener.off('error', reject);
          resolve();
        });
      });
      return (listener.address() as AddressInfo).port;
    } catch (error) {
      fault = error;
    }
  }
  throw fault;
}
