/** What reads and writes a Pub/Sub keeps the contracts of sources and sinks, whatever Pub/Sub it is. */
import type { TestContext } from 'node:test';
import { servePubsub } from '../../../src/cloud/pubsub/server.ts';
import { readFromPubSub, writeToPubSub } from '../../../src/connectors/pubsub/index.ts';
import type { Outlet, SinkSuite } from '../../conformance/sink.ts';
import type { Place, SourceSuite } from '../../conformance/source.ts';
import { atEnd } from '../../helpers/at-end.ts';
import type { Target, TcpProxy } from '../../helpers/proxy.ts';
import {
  ackIdsOf,
  acknowledge,
  type Clients,
  clientsHere,
  clientsOf,
  makeTopic,
  publish,
  pullNow,
  textsOf,
} from '../../helpers/pubsub.ts';
import { missing } from '../../services/index.ts';
import { startPubsub } from '../../services/pubsub.ts';
import { type Lifetime, serviceFolder, shared } from '../../services/service.ts';

interface Suites {
  source: SourceSuite;
  sink: SinkSuite;
}

/** As jobs find it: started when it is needed. */
export const embedded: Suites = suitesOf(
  async (t, _proxy, home) => ({ clients: await clientsHere(t, { home }) }),
  { many: 50_000 },
);

const served = shared(async (t: Lifetime) => {
  const directory = await serviceFolder(t);
  const server = await servePubsub({ directory, ports: [0], identity: 'test' });
  atEnd(t, server.close);
  return { host: '127.0.0.1', port: server.port };
});

/** The embedded one as one elsewhere, behind a network. */
export const elsewhere: Suites = suitesOf(reachBy(served), { network: served, many: 20_000 });

const started = shared(startPubsub);

/** Google's. It gives a stream whose connection broke half of all messages, again and again, until their leases are over. */
export const emulator: Suites = suitesOf(reachBy(started), {
  skip: missing('pubsub'),
  network: started,
  many: 20_000,
  keepsBroken: true,
});

/** Clients past the proxy, and what the connector is told so that it goes through it. */
type Reach = (
  t: TestContext,
  proxy: TcpProxy,
  home: string,
) => Promise<{ clients: Clients; env?: NodeJS.ProcessEnv }>;

function reachBy(server: () => Promise<Target>): Reach {
  return async (t, proxy) => {
    const { host, port } = await server();
    const clients = clientsOf(`${host}:${port}`);
    atEnd(t, clients.close);
    return { clients, env: { PUBSUB_EMULATOR_HOST: proxy.address } };
  };
}

type Options = Pick<SourceSuite & SinkSuite, 'skip' | 'network' | 'many' | 'keepsBroken'>;

function suitesOf(reach: Reach, options: Options): Suites {
  const source: SourceSuite = {
    ...options,
    component: readFromPubSub,
    // After each kill a Pub/Sub holds back what was read until its lease is over.
    killedElsewhere: 'test/faults/kill-pubsub-job.test.ts does it',
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
  };
  const sink: SinkSuite = {
    ...options,
    many: 100_000,
    component: writeToPubSub,
    // After each kill a Pub/Sub holds back what was read until its lease is over.
    killedElsewhere: 'test/faults/kill-pubsub-job.test.ts does it',
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
  };
  return { source, sink };
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
