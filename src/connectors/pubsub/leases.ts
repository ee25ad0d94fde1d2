/** Ends and extends the leases of messages, in requests of what Pub/Sub takes. */
import type { PubsubConnection } from './client.ts';

/** Pub/Sub takes 512 KiB a request: that many of its ids of up to 200 bytes. */
const IDS_PER_REQUEST = 2500;

/** Acknowledges for good; resolves once that is answered. */
export async function acknowledge(
  connection: PubsubConnection,
  subscription: string,
  ackIds: readonly string[],
): Promise<void> {
  await inRequests(ackIds, ids =>
    connection.call(({ subscriber }, options) =>
      subscriber.acknowledge({ subscription, ackIds: ids }, options),
    ),
  );
}

/** Keeps the messages for so many seconds from now; 0 gives them back at once. */
export async function extendLeases(
  connection: PubsubConnection,
  subscription: string,
  ackIds: readonly string[],
  ackDeadlineSeconds: number,
): Promise<void> {
  await inRequests(ackIds, ids =>
    connection.call(({ subscriber }, options) =>
      subscriber.modifyAckDeadline({ subscription, ackIds: ids, ackDeadlineSeconds }, options),
    ),
  );
}

async function inRequests(
  ackIds: readonly string[],
  send: (ids: string[]) => Promise<unknown>,
): Promise<void> {
  const requests: Promise<unknown>[] = [];
  for (let i = 0; i < ackIds.length; i += IDS_PER_REQUEST)
    requests.push(send(ackIds.slice(i, i + IDS_PER_REQUEST)));
  await Promise.all(requests);
}
