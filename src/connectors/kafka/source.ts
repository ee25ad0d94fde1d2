/** `ReadFromKafka`: the records of topics, from where the job's own checkpoint says. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../../engine/batch.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import type { Backlog } from '../../engine/gauges.ts';
import { SluiceError } from '../../errors.ts';
import { connectKafka, type KafkaClient } from './client.ts';
import { toBatch } from './elements.ts';
import { findPartitions, newPartitions, type Positions, resetPosition } from './partitions.ts';
import { type Partition, Reception } from './reception.ts';
import type { Records } from './records.ts';
import { connectionReach, connectionSchema } from './settings.ts';
import { PartitionTimes } from './watermark.ts';

const BATCH_RECORDS = 4000;
const BATCH_BYTES = 1 << 20;

const config = {
  type: 'object',
  required: ['topic', 'bootstrap_servers'],
  additionalProperties: false,
  properties: {
    topic: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,249}(,[A-Za-z0-9._-]{1,249})*$',
      description: 'The topic, or several, separated by commas.',
    },
    ...connectionSchema,
    format: {
      enum: ['RAW', 'STRING', 'JSON'],
      default: 'RAW',
      description: 'RAW and STRING give the value as it is. For JSON, let ParseJson follow.',
    },
    auto_offset_reset_config: {
      enum: ['earliest', 'latest'],
      default: 'latest',
      description: 'Where a job begins that has no position yet, nor has its `group`.',
    },
    group: {
      type: 'string',
      minLength: 1,
      maxLength: 249,
      description:
        'A consumer group: a new job begins where it is, if it is somewhere. The job is no member of it.',
    },
    commit_offset_in_finalize: {
      type: 'boolean',
      default: true,
      description:
        'Whether the `group` is told the position after each checkpoint, so that other tools see the lag.',
    },
    isolation_level: {
      enum: ['read_committed', 'read_uncommitted'],
      default: 'read_committed',
      description: 'Whether messages of transactions are read before these are committed.',
    },
    stop_at_end: {
      type: 'boolean',
      default: false,
      description: 'Read what is there at the start of the job, then end.',
    },
    max_read_time_seconds: { type: 'integer', minimum: 1, description: 'End after so much time.' },
  },
} as const;

export const readFromKafka = defineSource({
  name: 'ReadFromKafka',
  system: 'Kafka',
  summary: 'Reads the records of Kafka topics.',
  description:
    "Each element has one field, `payload`, the record's value; key, headers and time go with it, and its event time is " +
    "the record's. Positions are kept in the job's checkpoint, so that each record is taken once, across any number of " +
    'restarts. The partitions are divided among the workers of a job by their numbers, and new ones are found while it ' +
    'runs. A record without a value, a tombstone, is an empty element.',
  config,
  streaming: ({ stop_at_end, max_read_time_seconds }) => !stop_at_end && max_read_time_seconds === undefined,
  examples: [
    {
      title: 'A topic into text files of five minutes',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: ReadFromKafka\n      config: {topic: orders, bootstrap_servers: "localhost:9092", auto_offset_reset_config: earliest}\n    - type: WindowInto\n      config: {windowing: {type: fixed, size: 5m}}\n    - type: WriteToText\n      config: {path: gs://bucket/orders/part}\n',
    },
  ],
  output: ({ format }) => {
    if (format === 'JSON')
      throw new SluiceError(
        'PIPELINE_INVALID',
        'ReadFromKafka: format must be RAW or STRING; for JSON let ParseJson follow, where a bad record can be a dead letter',
      );
    return { form: 'text', field: 'payload' };
  },
  reach: connectionReach,
  async open(settings, context) {
    const client = await connectKafka(
      settings,
      context.config,
      settings.isolation_level === 'read_uncommitted',
    );
    try {
      const asked: Asked = {
        topics: [...new Set(settings.topic.split(','))],
        start: settings.auto_offset_reset_config ?? 'latest',
        group: settings.group,
        tellGroup: settings.commit_offset_in_finalize ?? true,
        stopAtEnd: settings.stop_at_end ?? false,
        endsAtMs: Date.now() + (settings.max_read_time_seconds ?? Number.POSITIVE_INFINITY) * 1000,
      };
      const partitions = await findPartitions(client, asked, context);
      return new KafkaSource(client, asked, partitions, context);
    } catch (error) {
      await client.close();
      throw error;
    }
  },
});

export interface Asked {
  topics: readonly string[];
  start: 'earliest' | 'latest';
  group?: string;
  tellGroup: boolean;
  stopAtEnd: boolean;
  endsAtMs: number;
}

const CLOSE_MS = 5000;
/** How often it is asked whether topics have grown. */
const LOOK_FOR_NEW_MS = 30_000;

class KafkaSource implements Source {
  readonly #client: KafkaClient;
  readonly #asked: Asked;
  readonly #partitions: Partition[];
  readonly #context: StageContext;
  readonly #reception: Reception;
  readonly #times = new PartitionTimes();
  #current: { partition: Partition; records: Records; index: number } | undefined;
  #snapshot: Positions = {};
  #told: Positions = {};
  #telling: Promise<void> = Promise.resolve();
  #looking: Promise<void> | undefined;
  #lookedMs = Date.now();

  constructor(client: KafkaClient, asked: Asked, partitions: Partition[], context: StageContext) {
    this.#client = client;
    this.#asked = asked;
    this.#partitions = partitions;
    this.#context = context;
    this.#reception = new Reception(client, partitions.slice(), each =>
      resetPosition(client, each, asked.start, context),
    );
  }

  async read(signal: AbortSignal): Promise<Batch | 'idle' | 'end'> {
    this.#lookForNew();
    for (;;) {
      const batch = this.#next();
      if (batch) return batch;
      if (this.#isOver()) return 'end';
      if (signal.aborted) return 'idle';
      await this.#reception.wait(signal);
    }
  }

  #isOver(): boolean {
    if (Date.now() >= this.#asked.endsAtMs) return true;
    return (
      this.#asked.stopAtEnd &&
      this.#partitions.every(({ position, until }) => until !== undefined && position >= until)
    );
  }

  /** The next records, as many as make a batch. */
  #next(): Batch | undefined {
    for (;;) {
      const received = this.#current ?? this.#receive();
      if (!received) return undefined;
      const { partition, records, index } = received;
      const to = this.#batchEnd(records, index, partition.until);
      if (to > index) {
        partition.position = (records.offsets[to - 1] ?? 0) + 1;
        const name = `${partition.topic}-${partition.partition}`;
        this.#current = { partition, records, index: to };
        const batch = toBatch(records, index, to, name);
        if (batch.times) this.#times.read(partition, batch.times);
        return batch;
      }
      // What follows the last record are only markers, or beyond where a bounded reading ends.
      partition.position = records.next;
      this.#current = undefined;
    }
  }

  #receive() {
    const received = this.#reception.take();
    return received && { ...received, index: 0 };
  }

  #batchEnd(records: Records, from: number, until = Number.POSITIVE_INFINITY): number {
    const limit = Math.min(records.count, from + BATCH_RECORDS);
    let to = from;
    let bytes = 0;
    while (to < limit && bytes < BATCH_BYTES && (records.offsets[to] ?? 0) < until) {
      bytes += (records.ends[to] ?? 0) - (records.starts[to] ?? 0);
      to++;
    }
    return to;
  }

  watermark(): number {
    return this.#times.at(
      this.#partitions.map(partition => ({
        partition,
        caughtUp: partition.end !== undefined && partition.position >= partition.end,
      })),
    );
  }

  /** As the last answers told the ends; markers of transactions count too. */
  backlog(): Backlog | undefined {
    const known = this.#partitions.flatMap(({ position, end, until }) =>
      end === undefined ? [] : Math.max(0, Math.min(end, until ?? end) - position),
    );
    return known.length === 0 ? undefined : { elements: known.reduce((sum, behind) => sum + behind, 0) };
  }

  snapshot(): Json {
    const positions: Record<string, Record<string, number>> = {};
    // A topic that has no partition for us yet is known as well: its first one is to be read from the beginning.
    for (const topic of this.#asked.topics) positions[topic] = {};
    for (const { topic, partition, position } of this.#partitions) {
      const known = positions[topic];
      if (known) known[partition] = position;
    }
    this.#snapshot = positions;
    return { positions };
  }

  /** Tells the group, while reading goes on: the job itself goes by its checkpoint. */
  async acknowledge(): Promise<void> {
    const { group, tellGroup } = this.#asked;
    const news = this.#snapshot;
    if (group === undefined || !tellGroup || JSON.stringify(news) === JSON.stringify(this.#told)) return;
    await this.#telling;
    this.#told = news;
    const topics = Object.entries(news)
      .filter(([, partitions]) => Object.keys(partitions).length > 0)
      .map(([topic, partitions]) => ({
        topic,
        partitions: Object.entries(partitions).map(([partition, offset]) => ({
          partition: Number(partition),
          offset: String(offset),
        })),
      }));
    this.#telling = this.#client.commitOffsets(group, topics).catch(error => {
      this.#told = {};
      const why = this.#client.refused(error).message;
      this.#context.report('WARNING', `the group ${group} is not told the position: ${why}`);
    });
  }

  async close(): Promise<void> {
    // A group that cannot be told is not worth a longer wait.
    await Promise.race([this.#telling, sleep(CLOSE_MS, undefined, { ref: false })]);
    await this.#reception.close();
    await this.#telling;
    await this.#looking;
  }

  /** Partitions that topics have been given since; not waited for. */
  #lookForNew(): void {
    if (this.#looking || this.#asked.stopAtEnd || Date.now() - this.#lookedMs < LOOK_FOR_NEW_MS) return;
    this.#looking = newPartitions(this.#client, this.#asked, this.#partitions, this.#context)
      .then(found => {
        this.#partitions.push(...found);
        this.#reception.add(found);
      })
      // The next look may find them.
      .catch(error => this.#context.report('DEBUG', `no look for new partitions: ${String(error)}`))
      .finally(() => {
        this.#looking = undefined;
        this.#lookedMs = Date.now();
      });
  }
}
