/**
 * Dead letters in a topic. A subscription keeps them until they are collected into a file of this machine, in which
 * they stay: a letter can be looked at, and replayed, more than once.
 */
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { connectPubsub, type PubsubConnection } from '../connectors/pubsub/client.ts';
import {
  checkedName,
  createSubscription,
  ensureTopic,
  refused,
  requireSubscription,
} from '../connectors/pubsub/resources.ts';
import type { LetterPlace } from './places.ts';

const PULL_MESSAGES = 1000;
/** A service may answer with nothing although something waits: it is asked so often. */
const EMPTY_ANSWERS = { embedded: 1, elsewhere: 3 };
const NEWLINE = 0x0a;

/** The topic that a place is; undefined when it is none. */
export function topicOf({ sink, config }: LetterPlace): string | undefined {
  return sink === 'WriteToPubSub' && typeof config.topic === 'string'
    ? checkedName('topics', config.topic)
    : undefined;
}

/** The file that collected letters of a topic are kept in. */
export const spoolOf = (topic: string, { home }: Config): string =>
  join(home, 'dead-letters', `${encodeURIComponent(topic)}.ndjson`);

/** Makes sure that a subscription keeps what a job will write to its dead-letter topics, where topics are our own. */
export async function keepTopics(places: readonly LetterPlace[], config: Config): Promise<void> {
  const topics = places.flatMap(place => topicOf(place) ?? []);
  const isElsewhere = config.pubsubHost !== undefined || config.googleCredentials !== undefined;
  if (topics.length === 0 || isElsewhere) return;
  await connected(config, async connection => {
    for (const topic of topics) {
      await ensureTopic(connection, topic);
      await createSubscription(connection, subscriptionOf(topic), topic);
    }
  });
}

/**
 * Takes what waits in the topic's subscription into its file, and gives how many messages that were.
 * @param subscription absent: the one that `keepTopics` made
 * @throws SluiceError PUBSUB_NOT_FOUND when there is no such subscription
 */
export async function collectTopic(topic: string, config: Config, subscription?: string): Promise<number> {
  const name =
    subscription === undefined ? subscriptionOf(topic) : checkedName('subscriptions', subscription);
  return connected(config, async connection => {
    await requireSubscription(connection, name);
    const allowed = EMPTY_ANSWERS[connection.embedded ? 'embedded' : 'elsewhere'];
    let collected = 0;
    for (let empty = 0; empty < allowed; ) {
      const received = await pull(connection, name);
      if (received.length === 0) {
        empty++;
        continue;
      }
      empty = 0;
      await append(
        spoolOf(topic, config),
        received.map(({ data }) => data),
      );
      const ackIds = received.map(({ ackId }) => ackId);
      await connection.call(({ subscriber }, options) =>
        subscriber.acknowledge({ subscription: name, ackIds }, options),
      );
      collected += received.length;
    }
    return collected;
  }).catch(error => {
    throw refused(error, name);
  });
}

/** `projects/p/topics/errors` is kept by `projects/p/subscriptions/sluice-dead-letters-errors`. */
function subscriptionOf(topic: string): string {
  const [project = '', name = ''] = topic.split('/topics/');
  return `${project}/subscriptions/${`sluice-dead-letters-${name}`.slice(0, 255)}`;
}

async function connected<T>(config: Config, use: (connection: PubsubConnection) => Promise<T>): Promise<T> {
  const connection = await connectPubsub(config);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function pull(connection: PubsubConnection, subscription: string) {
  const request = { subscription, maxMessages: PULL_MESSAGES, returnImmediately: true };
  const [{ receivedMessages }] = await connection.call(({ subscriber }, options) =>
    subscriber.pull(request, options),
  );
  return (receivedMessages ?? []).map(({ ackId, message }) => ({
    ackId: ackId ?? '',
    data: Buffer.from(message?.data ?? ''),
  }));
}

/** Adds a line for each message, and returns when they are on disk. A line that a crash tore is left behind as it is. */
async function append(path: string, messages: readonly Buffer[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const isTorn = size > 0 && last[0] !== NEWLINE;
    const lines = messages.flatMap(message => [onOneLine(message), Buffer.of(NEWLINE)]);
    await file.appendFile(Buffer.concat(isTorn ? [Buffer.of(NEWLINE), ...lines] : lines));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Between the tokens of JSON a line break is a space; in what is no JSON it does not matter. */
const onOneLine = (message: Buffer): Buffer =>
  message.includes(NEWLINE) ? Buffer.from(message.map(byte => (byte === NEWLINE ? 0x20 : byte))) : message;
