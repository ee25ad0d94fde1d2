/** Clients of a Pub/Sub, and what tests do with them all the time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { v1 } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';
import { readAnnouncement } from '../../src/cloud/pubsub/announcement.ts';
import { servePubsub } from '../../src/cloud/pubsub/server.ts';
import { ensurePubsub } from '../../src/cloud/pubsub/service.ts';
import { type Config, pubsubDirectory } from '../../src/config.ts';
import type { ReceivedMessage } from '../../src/connectors/pubsub/client.ts';
import { atEnd } from './at-end.ts';

export interface Clients {
  host: string;
  publisher: v1.PublisherClient;
  subscriber: v1.SubscriberClient;
  close(): Promise<void>;
}

/** The official client's low-level clients, without retries. */
export function clientsOf(host: string): Clients {
  const [servicePath, port] = host.split(':');
  const options = {
    servicePath,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: 'local',
    clientOptions: { universeDomain: 'googleapis.com' },
    'grpc.enable_http_proxy': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
  };
  const publisher = new v1.PublisherClient(options);
  const subscriber = new v1.SubscriberClient(options);
  return {
    host,
    publisher,
    subscriber,
    close: async () => {
      await Promise.all([publisher.close(), subscriber.close()]);
    },
  };
}

let made = 0;

/** A name nobody has yet: `topic` and `subscription` to it. */
export function newNames(): { topic: string; subscription: string } {
  const id = `t${process.pid}-${Date.now()}-${++made}`;
  return { topic: `projects/test/topics/${id}`, subscription: `projects/test/subscriptions/${id}` };
}

export async function makeTopic(clients: Clients, settings: object = {}) {
  const names = newNames();
  await clients.publisher.createTopic({ name: names.topic });
  await clients.subscriber.createSubscription({ name: names.subscription, topic: names.topic, ...settings });
  return names;
}

/** Publishes texts, or messages as they are; gives the ids. */
export async function publish(
  clients: Clients,
  topic: string,
  messages: (string | object)[],
): Promise<string[]> {
  const [{ messageIds }] = await clients.publisher.publish({
    topic,
    messages: messages.map(each => (typeof each === 'string' ? { data: Buffer.from(each) } : each)),
  });
  return messageIds ?? [];
}

/** What waits now, up to `maxMessages`. */
export async function pullNow(
  { subscriber }: Clients,
  subscription: string,
  maxMessages = 1000,
): Promise<ReceivedMessage[]> {
  const [response] = await subscriber.pull({ subscription, maxMessages, returnImmediately: true });
  return (response.receivedMessages ?? []) as ReceivedMessage[];
}

/** Pulls until there are this many, in at most ten seconds. */
export async function pullCount(
  clients: Clients,
  subscription: string,
  count: number,
): Promise<ReceivedMessage[]> {
  const received: ReceivedMessage[] = [];
  const endMs = Date.now() + 10_000;
  while (received.length < count) {
    if (Date.now() > endMs) throw new Error(`only ${received.length} of ${count} messages came`);
    const more = await pullNow(clients, subscription, count - received.length);
    received.push(...more);
    if (more.length === 0) await sleep(20);
  }
  return received;
}

export async function acknowledge(
  { subscriber }: Clients,
  subscription: string,
  received: ReceivedMessage[],
) {
  await subscriber.acknowledge({ subscription, ackIds: ackIdsOf(received) });
}

export const ackIdsOf = (received: readonly ReceivedMessage[]): string[] =>
  received.map(({ ackId }) => ackId);

export const textsOf = (received: readonly ReceivedMessage[]): string[] =>
  received.map(({ message }) => message?.data.toString() ?? '');

export const hasCode =
  (code: number) =>
  (error: unknown): boolean =>
    error instanceof Error && 'code' in error && error.code === code;

/** An embedded service in this process, gone after the test. */
export async function serveHere(
  t: TestContext,
  directory?: string,
): Promise<Clients & { directory: string; stop(): void }> {
  const folder = directory ?? (await folderHere(t));
  const server = await servePubsub({ directory: folder, ports: [0], identity: 'test' });
  const clients = clientsOf(`127.0.0.1:${server.port}`);
  let stopped = false;
  const stop = () => {
    if (!stopped) server.close();
    stopped = true;
  };
  atEnd(t, stop);
  atEnd(t, clients.close);
  return { ...clients, directory: folder, stop };
}

/** A configuration whose embedded service, once started, is gone after the test. */
export async function configHere(t: TestContext): Promise<Config> {
  const config = { home: await folderHere(t) };
  atEnd(t, () => killService(config));
  return config;
}

/** An embedded service with clients of it, that the tests of a file share; for those that do not kill it. */
export async function localPubsub(t: TestContext): Promise<{ config: Config; clients: Clients }> {
  shared ??= startShared();
  const config = await shared;
  return { config, clients: await clientsHere(t, config) };
}

let shared: Promise<Config> | undefined;

async function startShared(): Promise<Config> {
  return { home: await mkdtemp(join(tmpdir(), 'sluice-test-')) };
}

// Registered here and not where it is made: there it would belong to the first test.
after(async () => {
  const config = await shared;
  if (!config) return;
  await killService(config);
  await rm(config.home, { recursive: true, force: true });
});

/** Clients of the embedded service of this configuration. */
export async function clientsHere(t: TestContext, config: Config): Promise<Clients> {
  const clients = clientsOf((await ensurePubsub(config)).host);
  atEnd(t, clients.close);
  return clients;
}

async function folderHere(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  atEnd(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Kills the embedded service of this configuration, as a crash would. */
export async function killService(config: Config): Promise<void> {
  const pid = readAnnouncement(pubsubDirectory(config))?.pid;
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
    while (process.kill(pid, 0)) await sleep(5);
  } catch {
    // It is gone.
  }
}
