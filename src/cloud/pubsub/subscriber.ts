/** The methods of google.pubsub.v1.Subscriber. */
import type { ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Broker, Subscription } from './broker.ts';
import { page, unary } from './calls.ts';
import { type Mask, ofProject, type Paging } from './publisher.ts';
import { invalid, unimplemented } from './refusal.ts';
import type { SubscriptionSettings } from './settings.ts';
import { type Streams, streamingPull } from './streaming-pull.ts';
import { encodeReceivedMessages } from './wire.ts';

interface PullRequest {
  subscription: string;
  maxMessages: number;
  returnImmediately: boolean;
}

interface SeekRequest {
  subscription: string;
  time: { seconds: string; nanos: number } | null;
}

/** What one unary response holds at most; clients take 4 MB unless told otherwise. */
const PULL_BYTES = 3 << 20;
const PULL_MESSAGES = 1000;
/** How long a pull waits for a first message before it answers with none. */
const PULL_WAIT_MS = 20_000;

export function subscriberMethods(broker: Broker, streams: Streams): UntypedServiceImplementation {
  return {
    CreateSubscription: unary((asked: SubscriptionSettings) => broker.createSubscription(asked)),
    GetSubscription: unary(({ subscription }: Named) => broker.subscription(subscription).settings),
    UpdateSubscription: unary(
      ({ subscription, updateMask }: { subscription: SubscriptionSettings | null; updateMask: Mask }) => {
        if (!subscription) throw invalid('the request holds no subscription');
        return broker.updateSubscription(subscription, updateMask?.paths ?? []);
      },
    ),
    ListSubscriptions: unary((request: Paging) => {
      const all = ofProject(broker.subscriptions(), request.project);
      const { items: subscriptions, nextPageToken } = page(all, each => each.name, request);
      return { subscriptions, nextPageToken };
    }),
    DeleteSubscription: unary(async ({ subscription }: Named) => {
      await broker.deleteSubscription(subscription);
      return {};
    }),
    Acknowledge: unary(async ({ subscription, ackIds }: Named & { ackIds: string[] }) => {
      await broker.acknowledge(broker.subscription(subscription), ackIds);
      return {};
    }),
    ModifyAckDeadline: unary(
      ({
        subscription,
        ackIds,
        ackDeadlineSeconds,
      }: Named & { ackIds: string[]; ackDeadlineSeconds: number }) => {
        broker.modifyDeadline(broker.subscription(subscription), ackIds, ackDeadlineSeconds);
        return {};
      },
    ),
    Pull: unary((request: PullRequest, call) => pull(broker, request, call)),
    StreamingPull: streamingPull(broker, streams),
    Seek: unary(async ({ subscription, time }: SeekRequest) => {
      if (!time) throw unimplemented('seeking to a snapshot');
      const timeMs = Number(time.seconds) * 1000 + time.nanos / 1_000_000;
      await broker.seek(broker.subscription(subscription), timeMs);
      return {};
    }),
  };
}

interface Named {
  subscription: string;
}

async function pull(
  broker: Broker,
  { subscription: name, maxMessages, returnImmediately }: PullRequest,
  call: ServerUnaryCall<PullRequest, Buffer>,
): Promise<Buffer> {
  const subscription = broker.subscription(name);
  if (maxMessages <= 0) throw invalid(`max_messages must be positive, not ${maxMessages}`);
  const room = { messages: Math.min(maxMessages, PULL_MESSAGES), bytes: PULL_BYTES };
  const { delivery, settings } = subscription;
  const holder = { messages: 0, bytes: 0 };
  const endMs = Date.now() + PULL_WAIT_MS;
  for (;;) {
    const taken = delivery.take(holder, room, settings.ackDeadlineSeconds * 1000);
    const leftMs = endMs - Date.now();
    if (taken.length > 0 || returnImmediately || leftMs <= 0) return encodeReceivedMessages(taken);
    if (!(await somethingReady(subscription, leftMs, call))) return encodeReceivedMessages([]);
  }
}

/** Waits for a message; false when the time is over, the caller gone or the subscription deleted. */
function somethingReady(
  { delivery, onDeleted }: Subscription,
  timeoutMs: number,
  call: ServerUnaryCall<PullRequest, Buffer>,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const giveUp = () => resolve(false);
  const stopListening = delivery.onReady(() => resolve(true));
  const timer = setTimeout(giveUp, timeoutMs);
  onDeleted.add(giveUp);
  call.on('cancelled', giveUp);
  return promise.finally(() => {
    stopListening();
    clearTimeout(timer);
    onDeleted.delete(giveUp);
    call.off('cancelled', giveUp);
  });
}
