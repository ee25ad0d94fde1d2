/** Finds the topics and subscriptions a pipeline names, and makes those that only the job can need. */
import { fullName, nameFault, type ResourceKind, shortName } from '../../cloud/pubsub/names.ts';
import { SluiceError } from '../../errors.ts';
import type { PubsubConnection } from './client.ts';
import { isAlreadyExists, isNotFound, statusOf, verdicts } from './retry.ts';

/** The full name of a topic or subscription; refuses what is none. */
export function checkedName(kind: ResourceKind, name: string): string {
  const full = fullName(kind, name);
  const fault = nameFault(kind, full);
  if (fault) throw new SluiceError('PUBSUB_REFUSED', `${kind.slice(0, -1)}: ${fault}`);
  return full;
}

/** Makes sure that the topic is there; in the embedded service it is made. True when it was made now. */
export async function ensureTopic(connection: PubsubConnection, topic: string): Promise<boolean> {
  if (await hasTopic(connection, topic)) return false;
  if (!connection.embedded)
    throw new SluiceError('PUBSUB_NOT_FOUND', `there is no topic ${topic}: create it, or name another`);
  await createTopic(connection, topic);
  return true;
}

/** True when there is such a topic; other answers than no are thrown. */
export async function hasTopic(connection: PubsubConnection, topic: string): Promise<boolean> {
  try {
    await connection.call(({ publisher }, options) => publisher.getTopic({ topic }, options));
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw refused(error, topic);
  }
}

export async function createTopic(connection: PubsubConnection, name: string): Promise<void> {
  await unlessThere(
    name,
    connection.call(({ publisher }, options) => publisher.createTopic({ name }, options)),
  );
}

export async function createSubscription(
  connection: PubsubConnection,
  name: string,
  topic: string,
): Promise<void> {
  await unlessThere(
    name,
    connection.call(({ subscriber }, options) => subscriber.createSubscription({ name, topic }, options)),
  );
}

/** Makes sure that the subscription is there. */
export async function requireSubscription(connection: PubsubConnection, subscription: string): Promise<void> {
  try {
    await connection.call(({ subscriber }, options) => subscriber.getSubscription({ subscription }, options));
  } catch (error) {
    if (!isNotFound(error)) throw refused(error, subscription);
    const remedy = connection.embedded
      ? `create it with \`sluice pubsub create TOPIC --subscription ${shortName(subscription)}\``
      : 'create it, or name another';
    throw new SluiceError('PUBSUB_NOT_FOUND', `there is no subscription ${subscription}: ${remedy}`, {
      cause: error,
    });
  }
}

/** What the user is told when Pub/Sub refuses for good. */
export function refused(error: unknown, name: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const code = isNotFound(error) ? 'PUBSUB_NOT_FOUND' : 'PUBSUB_REFUSED';
  const status = verdicts[statusOf(error) ?? -1]?.name;
  const message = error instanceof Error ? error.message : String(error);
  return new SluiceError(code, `Pub/Sub refuses ${name}: ${status ? `${status}: ` : ''}${message}`, {
    cause: error,
  });
}

async function unlessThere(name: string, creating: Promise<unknown>): Promise<void> {
  try {
    await creating;
  } catch (error) {
    if (!isAlreadyExists(error)) throw refused(error, name);
  }
}
