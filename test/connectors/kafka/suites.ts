/** What reads and writes Kafka keeps the contracts of sources and sinks. */
import { readFromKafka, writeToKafka } from '../../../src/connectors/kafka/index.ts';
import type { SinkSuite } from '../../conformance/sink.ts';
import type { SourceSuite } from '../../conformance/source.ts';
import { topicsOf } from '../../helpers/kafka.ts';
import { startProxy } from '../../helpers/proxy.ts';
import { missing } from '../../services/index.ts';
import { kafkaUser, startKafka } from '../../services/kafka.ts';
import { type Lifetime, shared } from '../../services/service.ts';

const skip = missing('kafka');
const broker = shared(async (t: Lifetime) => {
  const proxy = await startProxy(t);
  const kafka = await startKafka(t, { proxyPort: proxy.port, secured: true });
  proxy.to(kafka.behindProxy);
  return { kafka, proxy, topics: await topicsOf(t, kafka.address) };
});

const authentication = {
  'a password that the server does not take': {
    config: async () => ({
      bootstrap_servers: (await broker()).kafka.saslPlaintext,
      authentication: 'SASL_PLAIN',
      tls: false,
      username: kafkaUser.username,
      password: 'wrong',
    }),
    code: 'AUTHENTICATION_FAILED',
    message: /127\.0\.0\.1/,
  },
  'a topic that is not there': {
    config: () => ({ topic: 'nowhere' }),
    code: 'KAFKA_TOPIC_NOT_FOUND',
    message: /nowhere/,
  },
} as const;

export const source: SourceSuite = {
  component: readFromKafka,
  skip,
  network: async () => (await broker()).proxy,
  async make(_t, proxy) {
    const { topics } = await broker();
    const topic = await topics.make();
    const group = `group-${topic}`;
    const settings = { topic, group, bootstrap_servers: proxy.address, auto_offset_reset_config: 'earliest' };
    return {
      config: settings,
      fill: texts => topics.send(topic, texts),
      async waiting() {
        const [committed] = await topics.admin.fetchOffsets({ groupId: group, topics: [topic] });
        const ends = await topics.admin.fetchTopicOffsets(topic);
        const done = new Map(
          committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
        );
        return ends.reduce(
          (sum, { partition, high }) => sum + Number(high) - Math.max(0, done.get(partition) ?? 0),
          0,
        );
      },
    };
  },
  refusals: authentication,
};

export const sink: SinkSuite = {
  component: writeToKafka,
  skip,
  network: async () => (await broker()).proxy,
  async make(_t, proxy) {
    const { topics } = await broker();
    const topic = await topics.make();
    return {
      config: { topic, bootstrap_servers: proxy.address },
      read: async () => (await topics.readAll(topic)).map(({ value }) => JSON.parse(value ?? '').id),
    };
  },
  refusals: authentication,
};
