/**
 * Sends record sets to a topic, each once: numbered, so that a broker knows one that is sent again. With a name for
 * transactions, many sets and the number of a checkpoint are seen at once or not at all.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from './client.ts';
import { produce } from './produce.ts';
import type { RecordSet, Sender } from './record-batch.ts';
import { isError, kafkaError } from './retry.ts';

/** A transaction of a worker that died keeps readers waiting so long, unless the worker comes back. */
const TRANSACTION_TIMEOUT_MS = 60_000;
/** The transaction before may be still on its way to the end: that is a matter of milliseconds. */
const CONCURRENT_WAIT_MS = 20;
const CONCURRENT_ATTEMPTS = 250;

/** It has the record already. */
const DUPLICATE_SEQUENCE_NUMBER = 46;
const MAX_SEQUENCE = 0x7fffffff;

interface Identity {
  producerId: bigint;
  epoch: number;
}

/** A set, and the number of the error that its partition answered with. */
type Refused = RecordSet & { errorCode: number };

export class Producer {
  readonly #client: KafkaClient;
  readonly #topic: string;
  readonly #transactionalId: string | undefined;
  #identity: Identity | undefined;
  /** The number of the next record, by partition. */
  #sequences = new Map<number, number>();

  /** @param transactionalId also the name of the group that notes the checkpoints; whoever comes later by it fences this one off */
  constructor(client: KafkaClient, topic: string, transactionalId?: string) {
    this.#client = client;
    this.#topic = topic;
    this.#transactionalId = transactionalId;
  }

  /** Sends the sets, at most one for each partition; after an answer got lost maybe twice, else once. */
  async send(sets: readonly RecordSet[]): Promise<void> {
    let waiting = sets;
    await this.#client.call(async () => {
      try {
        this.#identity ??= await this.#identify();
        const refused = await this.#produce(waiting, this.#identity);
        waiting = refused;
        throwFirst(refused);
      } catch (error) {
        // Whoever has lost count of us knows us no more.
        if (LOST_COUNT.some(name => isError(error, name))) this.#identity = undefined;
        await this.#client.refresh().catch(() => {});
        throw error;
      }
    });
  }

  /** Publishes all of it with the number; nothing when that number, or a later one, was published before. */
  async publish(number: number, groups: () => AsyncIterable<readonly RecordSet[]>): Promise<void> {
    await this.#client.call(async () => {
      try {
        if (!this.#identity) {
          // First: from now on whoever had the name before can publish nothing more.
          this.#identity = await this.#identify();
          if ((await this.#published()) >= number) return;
        }
        await this.#transact(this.#identity, number, groups());
      } catch (error) {
        // Beginning anew also gives up what this attempt has sent.
        this.#identity = undefined;
        await this.#client.refresh().catch(() => {});
        throw error;
      }
    });
  }

  async #transact(
    { producerId, epoch }: Identity,
    number: number,
    groups: AsyncIterable<readonly RecordSet[]>,
  ): Promise<void> {
    const transactionalId = this.#transactionalId ?? '';
    const us = { transactionalId, producerId: String(producerId), producerEpoch: epoch };
    const coordinator = await this.#client.transactionCoordinator(transactionalId);
    const added = new Set<number>();
    for await (const sets of groups) {
      const fresh = sets.map(({ partition }) => partition).filter(partition => !added.has(partition));
      if (fresh.length > 0) {
        const topics = [{ topic: this.#topic, partitions: fresh }];
        await unlessConcurrent(() => coordinator.addPartitionsToTxn({ ...us, topics }));
        for (const partition of fresh) added.add(partition);
      }
      throwFirst(await this.#produce(sets, { producerId, epoch }));
    }
    const groupId = transactionalId;
    await unlessConcurrent(() => coordinator.addOffsetsToTxn({ ...us, groupId }));
    const group = await this.#client.groupCoordinator(groupId);
    const partitions = [{ partition: 0, offset: String(number), metadata: '' }];
    await group.txnOffsetCommit({ ...us, groupId, topics: [{ topic: this.#topic, partitions }] });
    await coordinator.endTxn({ ...us, transactionResult: true });
  }

  /** The number that was published last; -1: none was. */
  async #published(): Promise<number> {
    const offsets = await this.#client.committedOffsets(this.#transactionalId ?? '', this.#topic, [0]);
    return offsets.get(0) ?? -1;
  }

  async #identify(): Promise<Identity> {
    this.#sequences.clear();
    const broker =
      this.#transactionalId === undefined
        ? await this.#client.anyBroker()
        : await this.#client.transactionCoordinator(this.#transactionalId);
    const { producerId, producerEpoch } = await unlessConcurrent(() =>
      broker.initProducerId({
        transactionalId: this.#transactionalId,
        transactionTimeout: TRANSACTION_TIMEOUT_MS,
      }),
    );
    return { producerId: BigInt(producerId), epoch: producerEpoch };
  }

  /** Those that were not taken, with the number of the error. */
  async #produce(sets: readonly RecordSet[], identity: Identity): Promise<Refused[]> {
    const byLeader = Map.groupBy(
      sets,
      ({ partition }) => this.#client.leaderOf(this.#topic, partition) ?? -1,
    );
    const sent = await Promise.all(
      [...byLeader].map(async ([node, mine]) => {
        const senderOf = ({ partition }: RecordSet): Sender => ({
          ...identity,
          sequence: this.#sequences.get(partition) ?? 0,
          isTransactional: this.#transactionalId !== undefined,
        });
        const errors = await this.#client.withBroker(node, broker =>
          produce(broker, this.#topic, mine, senderOf, this.#transactionalId),
        );
        return mine.map(set => ({ ...set, errorCode: errors.get(set.partition) ?? 0 }));
      }),
    );
    const [taken, refused] = parted(sent.flat(), ({ errorCode }) =>
      [0, DUPLICATE_SEQUENCE_NUMBER].includes(errorCode),
    );
    for (const { partition, count } of taken)
      this.#sequences.set(partition, ((this.#sequences.get(partition) ?? 0) + count) % (MAX_SEQUENCE + 1));
    return refused;
  }
}

const LOST_COUNT = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
];

function throwFirst([first]: readonly Refused[]): void {
  if (first) throw kafkaError(first.errorCode);
}

async function unlessConcurrent<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isError(error, 'CONCURRENT_TRANSACTIONS') || attempt === CONCURRENT_ATTEMPTS) throw error;
      await sleep(CONCURRENT_WAIT_MS);
    }
  }
}

function parted<T>(all: readonly T[], isFirst: (each: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter(each => !isFirst(each))];
}
