/** A connection to Kafka: what source and sink need of it, with every call tried again as the table says. */
import type { Kafka } from 'kafkajs';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { type Fetched, fetchRecords, type Wanted } from './fetch.ts';
import {
  type Broker,
  type Cluster,
  loadKafkajs,
  READ_COMMITTED,
  READ_UNCOMMITTED,
  type TopicOffsets,
  TRANSACTION,
} from './kafkajs.ts';
import { isAnswer, isError, nameOf, retrying, verdictOf } from './retry.ts';
import { type ConnectionSettings, clientConfig } from './settings.ts';

/** Attempts to connect are given up after about ten seconds, so that a wrong address is told soon. */
const CONNECT_ATTEMPTS = 6;

/** What kafkajs calls a topic among the things that have settings. */
const TOPIC_RESOURCE = 2;

export type Offsets = ReadonlyMap<number, number>;

/** @throws SluiceError SERVICE_UNREACHABLE, AUTHENTICATION_FAILED, or what is wrong with the settings */
export async function connectKafka(
  settings: ConnectionSettings,
  config: Config,
  readUncommitted = false,
): Promise<KafkaClient> {
  const isolationLevel = readUncommitted ? READ_UNCOMMITTED : READ_COMMITTED;
  const { kafka, cluster } = await loadKafkajs(await clientConfig(settings, config), isolationLevel);
  const client = new KafkaClient(kafka, cluster, settings.bootstrap_servers, isolationLevel);
  try {
    await client.call(() => cluster.connect(), CONNECT_ATTEMPTS);
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

export class KafkaClient {
  readonly kafka: Kafka;
  readonly servers: string;
  readonly #cluster: Cluster;
  readonly #isolationLevel: number;
  readonly #topics = new Set<string>();
  #closed = false;

  constructor(kafka: Kafka, cluster: Cluster, servers: string, isolationLevel: number) {
    this.kafka = kafka;
    this.servers = servers;
    this.#cluster = cluster;
    this.#isolationLevel = isolationLevel;
  }

  /** Runs a call, and again as the table says; what is final is told to the user. */
  async call<T>(work: () => Promise<T>, attempts?: number): Promise<T> {
    try {
      return await retrying(work, () => this.#closed, attempts);
    } catch (error) {
      throw this.refused(error);
    }
  }

  /** The partitions of a topic, ascending. @throws SluiceError KAFKA_TOPIC_NOT_FOUND */
  async partitionsOf(topic: string): Promise<number[]> {
    const isThere = await this.call(async () => {
      try {
        await this.#learn(topic);
        return true;
      } catch (error) {
        // Told at once: it is not a matter of waiting.
        if (isError(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return false;
        throw error;
      }
    }, CONNECT_ATTEMPTS);
    if (!isThere)
      throw new SluiceError(
        'KAFKA_TOPIC_NOT_FOUND',
        `Kafka at ${this.servers} has no topic ${topic}: create it, or name another`,
      );
    return this.#cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => partitionId)
      .sort((a, b) => a - b);
  }

  async #learn(topic: string): Promise<void> {
    if (this.#topics.has(topic)) return this.#cluster.refreshMetadata();
    await this.#cluster.addMultipleTargetTopics([topic]);
    this.#topics.add(topic);
  }

  /** Looks anew which broker leads which partition. */
  async refresh(): Promise<void> {
    await this.#cluster.refreshMetadata();
  }

  leaderOf(topic: string, partition: number): number | undefined {
    const found = this.#cluster
      .findTopicPartitionMetadata(topic)
      .find(each => each.partitionId === partition);
    return found && found.leader >= 0 ? found.leader : undefined;
  }

  /** One attempt: what it failed with is for the caller to judge. */
  async fetch(nodeId: number, wanted: readonly Wanted[]): Promise<Fetched[]> {
    return this.withBroker(nodeId, broker => fetchRecords(broker, wanted, this.#isolationLevel));
  }

  /** Where these partitions begin, or end. */
  async offsetsOf(topic: string, partitions: readonly number[], at: 'earliest' | 'latest'): Promise<Offsets> {
    if (partitions.length === 0) return new Map();
    const asked = partitions.map(partition => ({ partition }));
    const found = await this.call(async () => {
      await this.#cluster.refreshMetadata();
      return this.#cluster.fetchTopicsOffset([
        { topic, partitions: asked, fromBeginning: at === 'earliest' },
      ]);
    });
    return toMap(found, topic);
  }

  /** Where a group goes on; partitions of which it knows nothing are left out. */
  async committedOffsets(group: string, topic: string, partitions: readonly number[]): Promise<Offsets> {
    const asked = partitions.map(partition => ({ partition }));
    const { responses } = await this.#withCoordinator(group, broker =>
      broker.offsetFetch({ groupId: group, topics: [{ topic, partitions: asked }] }),
    );
    return toMap(responses, topic);
  }

  /** Notes where a group goes on, as a consumer does that has no other members beside it. */
  async commitOffsets(group: string, topics: TopicOffsets[]): Promise<void> {
    await this.#withCoordinator(group, broker =>
      broker.offsetCommit({ groupId: group, groupGenerationId: -1, memberId: '', topics }),
    );
  }

  /** Runs work with the broker of this number; a broken connection is made anew by the next. */
  async withBroker<T>(nodeId: number, work: (broker: Broker) => Promise<T>): Promise<T> {
    const broker = await this.#cluster.findBroker({ nodeId });
    try {
      return await work(broker);
    } catch (error) {
      if (!isAnswer(error)) await broker.disconnect();
      throw error;
    }
  }

  async groupCoordinator(groupId: string): Promise<Broker> {
    await this.#cluster.connect();
    return this.#cluster.findGroupCoordinator({ groupId });
  }

  async transactionCoordinator(groupId: string): Promise<Broker> {
    await this.#cluster.connect();
    return this.#cluster.findGroupCoordinator({ groupId, coordinatorType: TRANSACTION });
  }

  async anyBroker(): Promise<Broker> {
    await this.#cluster.connect();
    await this.#cluster.refreshMetadata();
    return this.#cluster.findControllerBroker();
  }

  /** The settings of a topic; undefined where we may not see them. */
  async settingsOf(topic: string): Promise<ReadonlyMap<string, string> | undefined> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC_RESOURCE, name: topic }],
      });
      return new Map(
        resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
      );
    } catch (error) {
      if (verdictOf(error) === 'retry') throw this.refused(error);
      return undefined;
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }

  async #withCoordinator<T>(groupId: string, work: (broker: Broker) => Promise<T>): Promise<T> {
    return this.call(async () => work(await this.groupCoordinator(groupId)));
  }

  /** What the user is told when Kafka refuses, or cannot be reached. */
  refused(error: unknown): SluiceError {
    if (error instanceof SluiceError) return error;
    const message = error instanceof Error ? error.message : String(error);
    const verdict = verdictOf(error);
    const options = { cause: error };
    if (verdict === 'retry')
      return new SluiceError(
        'SERVICE_UNREACHABLE',
        `Kafka at ${this.servers} does not answer: ${nameOf(error)}: ${message}`,
        options,
      );
    if (verdict === 'denied')
      return new SluiceError(
        'AUTHENTICATION_FAILED',
        `Kafka at ${this.servers} does not let the job in: ${nameOf(error)}: ${message}`,
        options,
      );
    return new SluiceError(
      'KAFKA_REFUSED',
      `Kafka at ${this.servers} refuses: ${nameOf(error)}: ${message}`,
      options,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#cluster.disconnect().catch(() => {});
  }
}

function toMap(found: readonly TopicOffsets[], wanted: string): Offsets {
  const partitions = found.find(({ topic }) => topic === wanted)?.partitions ?? [];
  return new Map(
    partitions
      .map(({ partition, offset }) => [partition, Number(offset)] as const)
      .filter(([, offset]) => offset >= 0),
  );
}
