/** `sluice pubsub pull`: shows messages that wait in a subscription, and takes them out of it when asked to. */
import { loadConfig } from '../config.ts';
import { connectPubsub, type PubsubConnection } from '../connectors/pubsub/client.ts';
import { checkedName, refused, requireSubscription } from '../connectors/pubsub/resources.ts';
import { printJson } from './output.ts';

interface Pulled {
  ackId: string;
  messageId: string;
  publishTime: string;
  attributes: Record<string, string>;
  orderingKey?: string;
  data: string;
}

const PULL_MESSAGES = 1000;

export async function pull(
  subscriptionName: string,
  { max, ack = false, json = false }: { max: number; ack?: boolean; json?: boolean },
): Promise<void> {
  const subscription = checkedName('subscriptions', subscriptionName);
  const connection = await connectPubsub(loadConfig());
  const messages: Pulled[] = [];
  try {
    await requireSubscription(connection, subscription);
    while (messages.length < max) {
      const more = await pullOnce(connection, subscription, Math.min(max - messages.length, PULL_MESSAGES));
      if (more.length === 0) break;
      messages.push(...more);
      if (!json) for (const { data } of more) process.stdout.write(`${data}\n`);
      if (ack) await settle(connection, subscription, more, true);
    }
    // What is only shown can be pulled again at once.
    if (!ack) await settle(connection, subscription, messages, false);
  } catch (error) {
    throw refused(error, subscription);
  } finally {
    await connection.close();
  }
  if (json)
    printJson({ subscription, acknowledged: ack, messages: messages.map(({ ackId: _, ...shown }) => shown) });
  else if (messages.length === 0) process.stderr.write(`nothing waits in ${subscription}\n`);
}

async function pullOnce(
  connection: PubsubConnection,
  subscription: string,
  maxMessages: number,
): Promise<Pulled[]> {
  const request = { subscription, maxMessages, returnImmediately: true };
  const [{ receivedMessages }] = await connection.call(({ subscriber }, options) =>
    subscriber.pull(request, options),
  );
  return (receivedMessages ?? []).map(({ ackId, message }) => {
    const { seconds, nanos } = message?.publishTime ?? {};
    return {
      ackId: ackId ?? '',
      messageId: message?.messageId ?? '',
      publishTime: new Date(Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1_000_000).toISOString(),
      attributes: message?.attributes ?? {},
      ...(message?.orderingKey && { orderingKey: message.orderingKey }),
      data: Buffer.from(message?.data ?? '').toString(),
    };
  });
}

/** Acknowledges the messages, or gives them back. */
async function settle(
  connection: PubsubConnection,
  subscription: string,
  messages: readonly Pulled[],
  ack: boolean,
): Promise<void> {
  for (let i = 0; i < messages.length; i += PULL_MESSAGES) {
    const ackIds = messages.slice(i, i + PULL_MESSAGES).map(({ ackId }) => ackId);
    await connection.call(({ subscriber }, options) =>
      ack
        ? subscriber.acknowledge({ subscription, ackIds }, options)
        : subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: 0 }, options),
    );
  }
}
