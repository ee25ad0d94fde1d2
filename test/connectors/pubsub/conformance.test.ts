import { readFromPubSub, writeToPubSub } from '../../../src/connectors/pubsub/index.ts';
import { describeSink, type SinkSuite } from '../../conformance/sink.ts';
import { describeSource, type Place, type SourceSuite } from '../../conformance/source.ts';
import {
  ackIdsOf,
  acknowledge,
  type Clients,
  clientsHere,
  makeTopic,
  publish,
  pullNow,
  textsOf,
} from '../../helpers/pubsub.ts';

// After each kill a Pub/Sub holds back what was read until its lease is over.
const killedElsewhere = 'test/faults/kill-pubsub-job.test.ts does it';

const source: Pick<SourceSuite, 'component' | 'refusals' | 'killedElsewhere'> = {
  component: readFromPubSub,
  killedElsewhere,
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
};
const sink: Pick<SinkSuite, 'component' | 'delivery' | 'refusals' | 'killedElsewhere'> = {
  component: writeToPubSub,
  killedElsewhere,
  delivery: 'twice',
  refusals: {
    'what is no name': {
      config: () => ({ topic: 'projects/test/topics/t t' }),
      code: 'PUBSUB_REFUSED',
      message: /projects\/test\/topics\/t t/,
    },
  },
};

describeSource({
  ...source,
  many: 50_000,
  make: async (t, _proxy, home) => subscriptionOf(await clientsHere(t, { home })),
});
describeSink({ ...sink, make: async (t, _proxy, home) => topicOf(await clientsHere(t, { home })) });

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

async function topicOf(clients: Clients) {
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
