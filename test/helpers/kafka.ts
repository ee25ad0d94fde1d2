/** Topics and records for tests, through kafkajs. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type Admin,
  type IHeaders,
  type ITopicConfig,
  Kafka,
  logLevel,
  Partitioners,
  type Producer,
} from 'kafkajs';
import { connectKafka } from '../../src/connectors/kafka/client.ts';
import { toBatch } from '../../src/connectors/kafka/elements.ts';
import type { Records } from '../../src/connectors/kafka/records.ts';
import { payloadOf } from '../../src/engine/batch.ts';
import type { Lifetime } from '../services/service.ts';
import { atEnd } from './at-end.ts';

export interface Topics {
  admin: Admin;
  producer: Producer;
  /** A topic that nobody has yet; gives its name. */
  make(settings?: Partial<ITopicConfig>): Promise<string>;
  /** Sends values in requests of a thousand; partitions take turns. */
  send(topic: string, values: readonly Sent[]): Promise<void>;
  /** Everything in a topic by now, partition after partition; of transactions only what is committed. */
  readAll(topic: string): Promise<ReadRecord[]>;
}

export type Sent =
  | string
  | {
      value: string | Buffer | null;
      key?: string | Buffer;
      headers?: IHeaders;
      partition?: number;
      timestamp?: string;
    };

export interface ReadRecord {
  partition: number;
  offset: number;
  key: string | null;
  value: string | null;
  headers: [name: string, value: string | null][];
  timestamp: number;
}

const REQUEST_MESSAGES = 1000;

export async function topicsOf(t: Lifetime, address: string): Promise<Topics> {
  const kafka = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, maxRetryTime: 1000 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({
    // Else a request that fails for one partition is repeated for all.
    idempotent: true,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await admin.connect();
  // A broker that has just started may not know yet who leads it.
  await waitFor(async () => (await admin.describeCluster()).controller !== null, 'controller of Kafka');
  await producer.connect();
  atEnd(t, () => Promise.all([admin.disconnect(), producer.disconnect()]));
  return {
    admin,
    producer,
    async make(settings = {}) {
      const topic = `t-${randomUUID()}`;
      const asked = { topic, numPartitions: 3, ...settings };
      await admin.createTopics({ topics: [asked], waitForLeaders: false });
      await waitFor(() => hasLeaders(admin, asked), `leader of ${topic}`);
      return topic;
    },
    async send(topic, values) {
      for (let i = 0; i < values.length; i += REQUEST_MESSAGES)
        await producer.send({
          topic,
          messages: values
            .slice(i, i + REQUEST_MESSAGES)
            .map(each => (typeof each === 'string' ? { value: each } : each)),
        });
    },
    readAll: topic => readAll(address, topic),
  };
}

/** The client itself gives up sooner than a broker that is busy starting takes. */
async function hasLeaders(
  admin: Admin,
  { topic, numPartitions }: { topic: string; numPartitions: number },
): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions ?? [];
    if (partitions.length !== numPartitions || partitions.some(({ leader }) => leader < 0)) return false;
    // The metadata know of a leader before that does itself; only a leader tells offsets.
    return (await admin.fetchTopicOffsets(topic)).length === numPartitions;
  } catch {
    return false;
  }
}

/** Through our own client, which knows when it is at the end even where only markers of transactions follow. */
async function readAll(address: string, topic: string): Promise<ReadRecord[]> {
  const client = await connectKafka({ bootstrap_servers: address }, { home: '/nowhere' });
  const uncommitted = await connectKafka({ bootstrap_servers: address }, { home: '/nowhere' }, true);
  try {
    const found: ReadRecord[] = [];
    const partitions = await client.partitionsOf(topic);
    await uncommitted.partitionsOf(topic);
    let ends = await client.offsetsOf(topic, partitions, 'latest');
    // A transaction is seen a moment after its end was asked for.
    await waitFor(async () => {
      const all = await uncommitted.offsetsOf(topic, partitions, 'latest');
      ends = await client.offsetsOf(topic, partitions, 'latest');
      return isDeepStrictEqual(ends, all);
    }, `end of the transactions of ${topic}`);
    let waiting = partitions.map(partition => ({ topic, partition, from: 0 }));
    for (;;) {
      waiting = waiting.filter(({ partition, from }) => from < (ends.get(partition) ?? 0));
      const [first] = waiting;
      if (!first) return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
      const node = client.leaderOf(topic, first.partition) ?? 0;
      for (const { partition, records } of await client.fetch(node, waiting)) {
        const mine = waiting.find(each => each.partition === partition);
        if (!mine || !records) continue;
        found.push(...recordsOf(records, partition));
        mine.from = records.next;
      }
    }
  } finally {
    await Promise.all([client.close(), uncommitted.close()]);
  }
}

function recordsOf(records: Records, partition: number): ReadRecord[] {
  const { metadata = [], ...batch } = toBatch(records, 0, records.count, '');
  return metadata.map(({ raw }, i) => ({
    partition,
    offset: records.offsets[i] ?? Number.NaN,
    key: raw?.key?.toString() ?? null,
    value: raw?.isNull ? null : payloadOf(batch, i).toString(),
    headers: (raw?.headers ?? []).map(([name, value]) => [name, value?.toString() ?? null]),
    timestamp: records.times[i] ?? Number.NaN,
  }));
}

/** Waits until it is true, for at most twenty seconds. */
export async function waitFor(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await isTrue())) {
    if (Date.now() > endMs) throw new Error(`no ${what} within a minute`);
    await sleep(20);
  }
}
