/** What reads and writes a Pub/Sub keeps the contracts of sources and sinks, whatever Pub/Sub it is. */
import type { TestContext } from 'node:test';
import { readFromPubSub, writeToPubSub } from '../../../src/connectors/pubsub/index.ts';
import { describeSink, type Outlet, type SinkSuite } from '../../conformance/sink.ts';
import { describeSource, type Place, type SourceSuite } from '../../conformance/source.ts';
import type { TcpProxy } from '../../helpers/proxy.ts';
import {
  ackIdsOf,
  acknowledge,
  type Clients,
  makeTopic,
  publish,
  pullNow,
  textsOf,
} from '../../helpers/pubsub.ts';

export interface Reached {
  clients: Clients;
  env?: NodeJS.ProcessEnv;
}

type Options = Pick<SourceSuite & SinkSuite, 'skip' | 'network' | 'many' | 'keepsBroken'>;

// After each kill a Pub/Sub holds back what was read until its lease is over.
const killedElsewhere = 'test/faults/kill-pubsub-job.test.ts does it';

/** `reach` gives clients past the proxy, and what the connector is told so that it goes through it. */
export function describeService(
  reach: (t: TestContext, proxy: TcpProxy, home: string) => Promise<Reached>,
  options: Options,
): void {
  describeSource({
    ...options,
    component: readFromPubSub,
    killedElsewhere,
    async make(t, proxy, home) {
      const { clients, env } = await reach(t, proxy, home);
      return { ...(await subscriptionOf(clients)), env };
    },
    refusals: {
      'a subscription that is not there': {
        config: () => ({ subscription: 'projects/test/subscriptions/nowhere' }),
        code: 'PUBSUB_NOT_FOUND',
        message: /projects\/test\/subscriptions\/nowhere/,
      },
      'what is no name': {
        config: () => ({ subscription: 'projects/test/topics/t' }),
        code: 'PUBSUB_REFUSED',
        message: /projects\/test\/topics\/t/,
      },
    },
  });
  describeSink({
    ...options,
    many: 100_000,
    component: writeToPubSub,
    killedElsewhere,
    delivery: 'twice',
    async make(t, proxy, home) {
      const { clients, env } = await reach(t, proxy, home);
      return { ...(await topicOf(clients)), env };
    },
    refusals: {
      'what is no name': {
        config: () => ({ topic: 'projects/test/topics/t t' }),
        code: 'PUBSUB_REFUSED',
        message: /projects\/test\/topics\/t t/,
      },
    },
  });
}

async function subscriptionOf(clients: Clients): Promise<Place> {
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  return {
    config: { subscription },
    async fill(texts) {
      for (let i = 0; i < texts.length; i += 1000) await publish(clients, topic, texts.slice(i, i + 1000));
    },
    async waiting() {
      const held: string[] = [];
      for await (const received of pullAll(clients, subscription)) held.push(...ackIdsOf(received));
      for (let i = 0; i < held.length; i += 1000)
        await clients.subscriber.modifyAckDeadline({
          subscription,
          ackIds: held.slice(i, i + 1000),
          ackDeadlineSeconds: 0,
        });
      return held.length;
    },
  };
}

async function topicOf(clients: Clients): Promise<Outlet> {
  const { topic, subscription } = await makeTopic(clients, { ackDeadlineSeconds: 600 });
  const found: number[] = [];
  return {
    config: { topic },
    async read() {
      for await (const received of pullAll(clients, subscription)) {
        found.push(...textsOf(received).map(text => JSON.parse(text).id));
        await acknowledge(clients, subscription, received);
      }
      return [...found];
    },
  };
}

/** Until nothing comes any more; the emulator answers a pull with nothing now and then. */
async function* pullAll(clients: Clients, subscription: string) {
  for (let empty = 0; empty < 3; ) {
    const received = await pullNow(clients, subscription);
    if (received.length > 0) yield received;
    empty = received.length > 0 ? 0 : empty + 1;
  }
}
