/**
 * The official client, connected to the Pub/Sub that the configuration means: an emulator's host, Google's own with
 * credentials, or the embedded service. Loaded when it is first needed.
 */
import type { v1 } from '@google-cloud/pubsub';
import type { Client, ClientDuplexStream, connectivityState } from '@grpc/grpc-js';
import { ensurePubsub } from '../../cloud/pubsub/service.ts';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { ATTEMPTS_AT_OPENING, retrying, statusOf, verdictOf, verdicts } from './retry.ts';

/** A received message as the client's low-level stream gives it. */
export interface ReceivedMessage {
  ackId: string;
  message: {
    data: Buffer;
    attributes: Record<string, string>;
    messageId: string;
    publishTime: { seconds: string; nanos: number } | null;
    orderingKey: string;
  } | null;
}

export type PullStream = ClientDuplexStream<object, { receivedMessages: ReceivedMessage[] }>;

interface PullStub extends Client {
  streamingPull(metadata: object): PullStream;
}

/** The state of a channel in which it has a connection. */
const READY: connectivityState.READY = 2;

/** No gax retry: `retry.ts` decides. */
const CALL = { retry: null, timeout: 60_000 } as const;
/** What leaves waits for a server that may be silent. */
export const LEAVING_MS = 5000;
const LAST_CALL = { retry: null, timeout: LEAVING_MS } as const;

type CallOptions = typeof CALL | typeof LAST_CALL;

interface Clients {
  host: string | undefined;
  publisher: v1.PublisherClient;
  subscriber: v1.SubscriberClient;
}

/** @throws SluiceError SERVICE_UNREACHABLE when the embedded service does not start */
export async function connectPubsub(config: Config): Promise<PubsubConnection> {
  return new PubsubConnection(config, await makeClients(config));
}

export class PubsubConnection {
  readonly #config: Config;
  #clients: Clients;
  #pulling: PullStub | undefined;
  #recovering: Promise<void> | undefined;
  #hasAnswered = false;
  readonly #leaving = new AbortController();
  #closed = false;

  constructor(config: Config, clients: Clients) {
    this.#config = config;
    this.#clients = clients;
  }

  /** True when nobody but Sluice can have made the topics. */
  get embedded(): boolean {
    return !isElsewhere(this.#config);
  }

  /** Calls a method of a client, and again as the table says. Throws the error of gRPC when that is final. */
  async call<T>(method: (clients: Clients, options: CallOptions) => Promise<T>): Promise<T> {
    const { signal } = this.#leaving;
    try {
      const answer = await retrying(
        () => method(this.#clients, signal.aborted ? LAST_CALL : CALL),
        () => this.recover(),
        { attempts: this.#hasAnswered ? undefined : ATTEMPTS_AT_OPENING, signal },
      );
      this.#hasAnswered = true;
      return answer;
    } catch (error) {
      throw verdictOf(error) === 'final' ? error : unreachable(error, this.#clients.host);
    }
  }

  /** From now on nothing is tried again, and no call takes long. */
  leave(): void {
    this.#leaving.abort();
  }

  /** True while the stream of messages has a connection. */
  get ready(): boolean {
    return this.#pulling?.getChannel().getConnectivityState(false) === READY;
  }

  /** Starts the embedded service again if it has ended, maybe elsewhere. Calls at the same time share the work. */
  async recover(): Promise<void> {
    if (!this.embedded || this.#closed) return;
    this.#recovering ??= this.#reconnect().finally(() => {
      this.#recovering = undefined;
    });
    await this.#recovering;
  }

  async #reconnect(): Promise<void> {
    const { host } = await ensurePubsub(this.#config);
    if (host === this.#clients.host || this.#closed) return;
    const before = this.#clients;
    this.#clients = await makeClients(this.#config);
    await closeClients(before);
    if (this.#closed) await closeClients(this.#clients);
  }

  /** Opens a stream of messages, past the layer that would buffer them. */
  async streamingPull(subscription: string): Promise<PullStream> {
    const { Metadata } = await import('@grpc/grpc-js');
    const metadata = new Metadata();
    metadata.set('x-goog-request-params', `subscription=${subscription}`);
    const stub = (await this.#clients.subscriber.initialize()) as unknown as PullStub;
    this.#pulling = stub;
    return stub.streamingPull(metadata);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.leave();
    await closeClients(this.#clients);
  }
}

/** Notices a connection that died without a word, as they do behind a NAT, before the leases are over. */
const CLOUD_OPTIONS = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

const isElsewhere = ({ pubsubHost, googleCredentials }: Config): boolean =>
  pubsubHost !== undefined || googleCredentials !== undefined;

async function makeClients(config: Config): Promise<Clients> {
  const loading = import('@google-cloud/pubsub');
  loading.catch(() => {});
  const host = config.pubsubHost ?? (isElsewhere(config) ? undefined : (await ensurePubsub(config)).host);
  const { v1 } = await loading;
  const options = host === undefined ? CLOUD_OPTIONS : await localOptions(host);
  const publisher = new v1.PublisherClient(options);
  const subscriber = new v1.SubscriberClient(options);
  return { host, publisher, subscriber };
}

async function localOptions(host: string) {
  const { credentials } = await import('@grpc/grpc-js');
  const [, servicePath = '', port = ''] = /^(?:\w+:\/\/)?(.*):(\d+)$/.exec(host) ?? [];
  if (port === '') throw new SluiceError('USAGE', `PUBSUB_EMULATOR_HOST must be host:port, not '${host}'`);
  return {
    servicePath,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: 'local',
    // Known beforehand: the client would look for it on the network.
    clientOptions: { universeDomain: 'googleapis.com' },
    'grpc.enable_http_proxy': 0,
    // A connection of its own: what another client met on this port does not delay it.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2000,
  };
}

async function closeClients({ publisher, subscriber }: Clients): Promise<void> {
  await Promise.allSettled([publisher.close(), subscriber.close()]);
}

function unreachable(error: unknown, host = 'Google'): SluiceError {
  if (error instanceof SluiceError) return error;
  const name = verdicts[statusOf(error) ?? -1]?.name ?? 'error';
  const message = error instanceof Error ? error.message : String(error);
  return new SluiceError('SERVICE_UNREACHABLE', `Pub/Sub at ${host} does not answer: ${name}: ${message}`, {
    cause: error,
  });
}
