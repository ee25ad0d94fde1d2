/**
 * Reads partitions ahead of the pipeline: a loop for each broker that leads some of them, and a queue of what came, which
 * is bounded by its bytes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';
import type { KafkaClient } from './client.ts';
import type { Fetched, Wanted } from './fetch.ts';
import type { Records } from './records.ts';
import { kafkaError, retryDelayMs, verdictOf } from './retry.ts';

export interface Partition {
  topic: string;
  partition: number;
  /** Where reading goes on: everything before has been taken. */
  position: number;
  /** Where fetching goes on. */
  fetchAt: number;
  /** The end that the last answer told; undefined: not known yet. */
  end?: number;
  /** A bounded reading ends here. */
  until?: number;
}

export interface Received {
  partition: Partition;
  records: Records;
}

/** What may wait in the queue, before more is fetched; of one partition, so that none is left behind. */
const QUEUE_BYTES = 32 << 20;
const PARTITION_QUEUE_BYTES = 4 << 20;
/** How often it is looked which broker leads what. */
const REFRESH_MS = 30_000;

const OFFSET_OUT_OF_RANGE = 1;

export class Reception {
  readonly #client: KafkaClient;
  readonly #partitions: Partition[];
  readonly #outOfRange: (partition: Partition) => Promise<void>;
  readonly #queue: Received[] = [];
  readonly #queued = new Map<Partition, number>();
  readonly #loops = new Map<number, Promise<void>>();
  #queuedBytes = 0;
  #failure: unknown;
  #closed = false;
  #arrived = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();
  #lookingAfter: Promise<void>;
  readonly #stop = new AbortController();

  /** @param outOfRange sets a new position where the server no longer has, or does not have yet, what is asked for */
  constructor(
    client: KafkaClient,
    partitions: Partition[],
    outOfRange: (partition: Partition) => Promise<void>,
  ) {
    this.#client = client;
    this.#partitions = partitions;
    this.#outOfRange = outOfRange;
    this.#startLoops();
    this.#lookingAfter = this.#lookAfter();
  }

  /** Takes the next records; undefined when there are none now. @throws what ended the reception */
  take(): Received | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const received = this.#queue.shift();
    if (!received) return undefined;
    const { partition, records } = received;
    this.#queuedBytes -= records.bytes.length;
    this.#queued.set(partition, (this.#queued.get(partition) ?? 0) - records.bytes.length);
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
    return received;
  }

  /** Resolves once something may be there to take, or the signal is given. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#queue.length > 0 || this.#failure !== undefined || signal.aborted) return;
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    await Promise.race([this.#arrived.promise, aborted.promise]);
    signal.removeEventListener('abort', onAbort);
  }

  /** Reads these as well from now on. */
  add(partitions: readonly Partition[]): void {
    this.#partitions.push(...partitions);
    this.#startLoops();
  }

  /** Closes the client too: it may be waiting for records. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    this.#taken.resolve();
    await this.#client.close();
    await this.#lookingAfter;
    await Promise.all(this.#loops.values());
  }

  async #lookAfter(): Promise<void> {
    while (!this.#closed) {
      await this.#rest(REFRESH_MS);
      await this.#refresh();
    }
  }

  #startLoops(): void {
    for (const { topic, partition } of this.#partitions) {
      const node = this.#client.leaderOf(topic, partition);
      if (node !== undefined && !this.#loops.has(node) && !this.#closed)
        this.#loops.set(node, this.#loop(node));
    }
  }

  async #loop(node: number): Promise<void> {
    try {
      for (let attempt = 0; !this.#closed; ) {
        const mine = this.#partitions.filter(
          ({ topic, partition }) => this.#client.leaderOf(topic, partition) === node,
        );
        if (mine.length === 0) break;
        const wanted = this.#wantedOf(mine);
        if (wanted.length === 0) await this.#taken.promise;
        else attempt = (await this.#fetch(node, wanted, attempt)) ? 0 : attempt + 1;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#loops.delete(node);
    }
  }

  #wantedOf(partitions: readonly Partition[]): Partition[] {
    if (this.#queuedBytes >= QUEUE_BYTES) return [];
    return partitions.filter(
      each =>
        (this.#queued.get(each) ?? 0) < PARTITION_QUEUE_BYTES &&
        (each.until === undefined || each.fetchAt < each.until),
    );
  }

  /** True when it went well; waits after what did not, and throws when it is time to give up. */
  async #fetch(node: number, partitions: readonly Partition[], attempt: number): Promise<boolean> {
    try {
      const wanted: Wanted[] = partitions.map(({ topic, partition, fetchAt }) => ({
        topic,
        partition,
        from: fetchAt,
      }));
      let trouble: number | undefined;
      for (const fetched of await this.#client.fetch(node, wanted)) {
        const partition = partitions.find(
          each => each.topic === fetched.topic && each.partition === fetched.partition,
        );
        if (!partition) continue;
        if (fetched.errorCode === 0) this.#receive(partition, fetched);
        else if (fetched.errorCode === OFFSET_OUT_OF_RANGE) await this.#moveOn(partition);
        else trouble = fetched.errorCode;
      }
      if (trouble === undefined) return true;
      await this.#recover(kafkaError(trouble), attempt);
    } catch (error) {
      if (!this.#closed) await this.#recover(error, attempt);
    }
    return false;
  }

  #receive(partition: Partition, { topic, end, records, fault }: Fetched): void {
    if (fault !== undefined)
      throw new SluiceError(
        'KAFKA_REFUSED',
        `${topic}-${partition.partition}@${partition.fetchAt} cannot be read: ${fault}`,
      );
    partition.end = end;
    if (records && records.next > partition.fetchAt) {
      partition.fetchAt = records.next;
      this.#queue.push({ partition, records });
      this.#queuedBytes += records.bytes.length;
      this.#queued.set(partition, (this.#queued.get(partition) ?? 0) + records.bytes.length);
    }
    // Also without records: that a partition has come to its end is news.
    this.#arrive();
  }

  async #moveOn(partition: Partition): Promise<void> {
    // What was fetched before is still to be taken.
    if ((this.#queued.get(partition) ?? 0) > 0) return void (await this.#taken.promise);
    await this.#outOfRange(partition);
    partition.fetchAt = partition.position;
  }

  async #recover(error: unknown, attempt: number): Promise<void> {
    const delayMs = retryDelayMs(attempt);
    if (verdictOf(error) !== 'retry' || delayMs === undefined) throw this.#client.refused(error);
    await this.#rest(delayMs);
    await this.#refresh();
  }

  /** Finds those that lead now; when nobody answers, the next fetch tells. */
  async #refresh(): Promise<void> {
    if (this.#closed) return;
    await this.#client.refresh().catch(() => {});
    this.#startLoops();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#arrive();
  }

  #arrive(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }

  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }
}
