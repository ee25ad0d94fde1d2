/**
 * kafkajs, with what its public types leave out: the cluster, which lets partitions be read and offsets be kept without
 * joining a consumer group, since where a job goes on is in its own checkpoint. Loaded when it is first needed.
 */
import { createRequire } from 'node:module';
import type { Kafka, KafkaConfig } from 'kafkajs';

/** A request of the protocol with the decoder of its answer. */
export interface Exchange<T> {
  request: object;
  response: { decode(raw: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
  requestTimeout?: number;
}

export interface PartitionOffset {
  partition: number;
  offset: string;
  metadata?: string;
}

export interface TopicOffsets {
  topic: string;
  partitions: PartitionOffset[];
}

/** Who publishes a transaction. */
export interface Publisher {
  transactionalId: string;
  producerId: string;
  producerEpoch: number;
}

export interface Broker {
  nodeId: number;
  /** By the number of the request. */
  versions: Readonly<Record<number, { maxVersion: number }>>;
  connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> };
  lookupRequest(apiKey: number, definition: object): (request: object) => Exchange<unknown>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: PartitionOffset[] }[] }>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: TopicOffsets[];
  }): Promise<unknown>;
  initProducerId(request: {
    transactionalId: string | undefined;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(
    request: Publisher & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>;
  addOffsetsToTxn(request: Publisher & { groupId: string }): Promise<unknown>;
  txnOffsetCommit(request: Publisher & { groupId: string; topics: TopicOffsets[] }): Promise<unknown>;
  endTxn(request: Publisher & { transactionResult: boolean }): Promise<unknown>;
  disconnect(): Promise<void>;
}

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(which: { nodeId: number }): Promise<Broker>;
  findGroupCoordinator(which: { groupId: string; coordinatorType?: number }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
  fetchTopicsOffset(
    topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<TopicOffsets[]>;
}

export interface Kafkajs {
  kafka: Kafka;
  cluster: Cluster;
}

/** Messages of transactions that were given up are not seen. */
export const READ_COMMITTED = 1;
export const READ_UNCOMMITTED = 0;

const require = createRequire(import.meta.url);

/** The client of these settings, not connected yet. */
export async function loadKafkajs(settings: KafkaConfig, isolationLevel: number): Promise<Kafkajs> {
  const { default: kafkajs } = await import('kafkajs');
  restRequestQueues();
  const kafka = new kafkajs.Kafka({ ...settings, logLevel: kafkajs.logLevel.NOTHING });
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const parts = kafka as unknown as Record<symbol, (options: object) => Cluster>;
  const cluster = parts[key ?? Symbol()]?.({
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel,
  });
  if (!cluster) throw new Error('this version of kafkajs has no cluster');
  return { kafka, cluster };
}

/** The definition of the Fetch request, whose answers we decode ourselves. */
export const FETCH = 1;
export const fetchDefinition = (): object => require('kafkajs/src/protocol/requests/fetch');

export const PRODUCE = 0;

/** The coordinator of a transaction, and not of a group. */
export const TRANSACTION = 1;

/** The bytes as the body of a request. */
export function bodyOf(bytes: Buffer): object {
  const Encoder: new (
    size: number,
  ) => { buf: Buffer; offset: number } = require('kafkajs/src/protocol/encoder');
  return Object.assign(new Encoder(1), { buf: bytes, offset: bytes.length });
}

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

/** kafkajs looks a thousand times a second whether a request waits, for each connection, and has Node warn of it. */
function restRequestQueues(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: object };
  Object.assign(prototype, {
    scheduleCheckPendingRequests(this: RequestQueue): void {
      if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
      this.throttleCheckTimeoutId = setTimeout(
        () => {
          this.throttleCheckTimeoutId = null;
          this.checkPendingRequests();
        },
        Math.max(10, this.throttledUntil - Date.now()),
      );
    },
  });
}
