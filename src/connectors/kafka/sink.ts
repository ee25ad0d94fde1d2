/** `WriteToKafka`: elements as messages of a topic, each there once. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Batch, type Failure, selectElements } from '../../engine/batch.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import {
  defineSink,
  type ElementType,
  type Json,
  type Sink,
  type StageContext,
} from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { cutBack, type StagedFile, stagedFile } from '../../engine/staged-file.ts';
import { SluiceError } from '../../errors.ts';
import { murmur2 } from './checksum.ts';
import { connectKafka, type KafkaClient } from './client.ts';
import { type Compression, compressions } from './codecs.ts';
import { type MessageShape, messageOf } from './messages.ts';
import { Producer } from './producer.ts';
import { BATCH_OVERHEAD, type Message, type RecordSet, RecordSetBuilder, sizeOf } from './record-batch.ts';
import { connectionReach, connectionSchema } from './settings.ts';
import { readStaged, stagedForm } from './staged-sets.ts';
import { type TopicRules, topicRules } from './topic-rules.ts';

/** Larger sets compress better and cost less each; smaller ones leave sooner. */
const SET_BYTES = 512 << 10;
/** What waits in memory, over all partitions. */
const WAITING_BYTES = 16 << 20;

const config = {
  type: 'object',
  required: ['topic', 'bootstrap_servers'],
  additionalProperties: false,
  properties: {
    topic: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,249}$',
      description: 'The topic, which must be there.',
    },
    ...connectionSchema,
    format: {
      enum: ['RAW', 'STRING', 'JSON'],
      description:
        'RAW and STRING send the only field as it is, JSON the row. Default: JSON for rows, else RAW.',
    },
    key: {
      type: 'string',
      minLength: 1,
      description: 'The field of the row whose value is the key as well.',
    },
    headers: {
      type: 'array',
      items: { type: 'string' },
      description: 'Fields of the row to be headers, and no part of the value.',
    },
    keep_metadata: {
      type: 'boolean',
      default: false,
      description:
        'Key and headers (or attributes) of the message an element came from go on with it, and that it had no value.',
    },
    timestamp: {
      enum: ['now', 'event_time'],
      default: 'now',
      description: "What a message's time is; Kafka deletes messages by it.",
    },
    compression: { enum: [...compressions], default: 'none', description: 'How messages are compressed.' },
    exactly_once: {
      type: 'boolean',
      default: true,
      description:
        'Whether messages are published by a transaction at each checkpoint, or sent at once and maybe again after a restart.',
    },
  },
} as const;

export const writeToKafka = defineSink({
  name: 'WriteToKafka',
  system: 'Kafka',
  once: true,
  summary: 'Sends elements to a Kafka topic.',
  description:
    'Messages are staged on disk and published at each checkpoint, together with its number, in one transaction: who ' +
    'reads only what is committed sees each once, across any number of restarts. The transaction and the consumer ' +
    'group that holds the number are both called `sluice-<job>-<stage>-<worker>`. Messages with a key go to the ' +
    "partition that Kafka's own clients would choose. What Kafka would refuse (too large, no key for a compacted " +
    'topic) fails one by one. A transaction that a killed worker leaves open holds back readers of the topic until the ' +
    'worker is back, for at most a minute.',
  config,
  examples: [
    {
      title: 'Lines of files as messages',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: ReadFromText\n      config: {path: gs://bucket/in/*.txt}\n    - type: WriteToKafka\n      config: {topic: orders, bootstrap_servers: "localhost:9092"}\n',
    },
  ],
  accept: checkInput,
  reach: connectionReach,
  async open(asked, context) {
    const client = await connectKafka(asked, context.config);
    try {
      const partitions = await client.partitionsOf(asked.topic);
      const rules = await topicRules(client, asked.topic);
      const settings: SinkSettings = {
        topic: asked.topic,
        partitions,
        rules,
        compression: asked.compression ?? 'none',
        shape: shapeOf(asked, context.input),
      };
      const exactlyOnce = asked.exactly_once ?? true;
      const out = exactlyOnce
        ? await openStaged(client, asked.topic, context)
        : openDirect(new Producer(client, asked.topic));
      return new KafkaSink(client, settings, out, context.stage);
    } catch (error) {
      await client.close();
      throw error;
    }
  },
});

interface Asked {
  format?: 'RAW' | 'STRING' | 'JSON';
  key?: string;
  headers?: readonly string[];
  keep_metadata?: boolean;
  timestamp?: 'now' | 'event_time';
}

interface SinkSettings {
  topic: string;
  partitions: readonly number[];
  rules: TopicRules;
  compression: Compression;
  shape: MessageShape;
}

/** Where sets go, and how they come to be seen. */
interface Out {
  take(set: RecordSet): Promise<void>;
  prepare(): Promise<Json>;
  commit(): Promise<void>;
  close(ended: boolean): Promise<void>;
}

/** Refuses what cannot become messages, before anything runs. */
function checkInput({ form }: ElementType, { format, key, headers = [] }: Asked): void {
  const fault = (what: string) => new SluiceError('PIPELINE_INVALID', `WriteToKafka: ${what}`);
  if (form === 'failure')
    throw fault('failed elements have no message form: put EncodeDeadLetters before it');
  if (form === 'row') return;
  if (format === 'JSON') throw fault('format JSON takes rows, and its input is text: use RAW');
  if (key !== undefined || headers.length > 0)
    throw fault('key and headers are taken from the fields of rows, and its input is text');
}

function shapeOf(asked: Asked, input: ElementType | undefined): MessageShape {
  const { format = 'JSON' } = asked;
  return {
    ...(input?.form === 'row' && { row: format === 'JSON' ? 'json' : 'field' }),
    key: asked.key,
    headers: asked.headers ?? [],
    keepMetadata: asked.keep_metadata ?? false,
    keepTime: asked.timestamp === 'event_time',
  };
}

class KafkaSink implements Sink {
  readonly #client: KafkaClient;
  readonly #settings: SinkSettings;
  readonly #out: Out;
  readonly #stage: string;
  readonly #builders = new Map<number, RecordSetBuilder>();
  readonly #setBytes: number;
  #waitingBytes = 0;
  /** The partition of messages without a key, for a set at a time. */
  #turn = Math.floor(Math.random() * 1000);
  #wrote = false;

  constructor(client: KafkaClient, settings: SinkSettings, out: Out, stage: string) {
    this.#client = client;
    this.#settings = settings;
    this.#out = out;
    this.#stage = stage;
    this.#setBytes = Math.min(SET_BYTES, settings.rules.maxBytes - BATCH_OVERHEAD);
  }

  async write(batch: Batch): Promise<{ failed?: Batch } | undefined> {
    const { shape, rules } = this.#settings;
    const refused: number[] = [];
    const failures: Failure[] = [];
    const nowMs = Date.now();
    for (let i = 0; i < batch.count; i++) {
      const message = messageOf(batch, i, shape, nowMs);
      const size = typeof message === 'string' ? 0 : sizeOf(message);
      const fault = typeof message === 'string' ? message : rules.faultOf(message, size, nowMs);
      if (typeof message === 'string' || fault !== undefined) {
        refused.push(i);
        failures.push(refusal(String(fault), this.#stage));
        continue;
      }
      const builder = this.#builderFor(message);
      if (builder.bytes > 0 && builder.bytes + size > this.#setBytes) await this.#finish(builder);
      const before = builder.bytes;
      builder.add(message, size);
      this.#waitingBytes += builder.bytes - before;
    }
    if (this.#waitingBytes > WAITING_BYTES) await this.#finishAll();
    return refused.length > 0 ? { failed: selectElements(batch, refused, failures) } : undefined;
  }

  async prepare(): Promise<Json> {
    await this.#finishAll();
    return this.#out.prepare();
  }

  commit(): Promise<void> {
    return this.#out.commit();
  }

  async close(ended: boolean): Promise<void> {
    await this.#client.close();
    await this.#out.close(ended);
  }

  outputs(): string[] {
    return this.#wrote ? [`${this.#settings.topic} at ${this.#client.servers}`] : [];
  }

  #builderFor({ key }: Message): RecordSetBuilder {
    const { partitions } = this.#settings;
    const number = key ? murmur2(key) : this.#turn;
    const partition = partitions[number % partitions.length] ?? 0;
    const known = this.#builders.get(partition);
    if (known) return known;
    const made = new RecordSetBuilder(partition);
    this.#builders.set(partition, made);
    return made;
  }

  async #finish(builder: RecordSetBuilder): Promise<void> {
    this.#wrote = true;
    this.#turn++;
    this.#waitingBytes -= builder.bytes;
    await this.#out.take(await builder.finish(this.#settings.compression));
  }

  async #finishAll(): Promise<void> {
    for (const builder of this.#builders.values()) if (builder.bytes > 0) await this.#finish(builder);
  }
}

/** What a checkpoint knows of staged messages. */
interface Staged {
  /** Its number; those before it are published. */
  segment: number;
  length: number;
}

async function openStaged(client: KafkaClient, topic: string, context: StageContext): Promise<Out> {
  const { keptAs, worker } = context;
  const folder = await makeStageFolder(context);
  const pathOf = (segment: number) => join(folder, `${worker.index}-${segment}.messages`);
  const restored = context.restored as unknown as Staged | null | undefined;
  await restoreSegment(folder, restored ?? undefined, pathOf);
  const name = `sluice-${keptAs.jobId}-${keptAs.stage.replace(/[^A-Za-z0-9._-]+/g, '-')}-${worker.index}`;
  const producer = new Producer(client, topic, name.slice(0, 249));
  let state: Staged = restored ?? { segment: 1, length: 0 };
  let file: StagedFile = stagedFile(pathOf(state.segment), state.length);
  return {
    take: set => file.append(stagedForm(set)),
    async prepare() {
      const length = await file.sync();
      if (length > state.length) await syncDirectory(folder);
      state = { segment: state.segment, length };
      return { ...state };
    },
    async commit() {
      const { segment, length } = state;
      if (length === 0) return;
      await producer.publish(segment, () => readStaged(pathOf(segment), length));
      await rm(pathOf(segment), { force: true });
      state = { segment: segment + 1, length: 0 };
      file = stagedFile(pathOf(state.segment), 0);
    },
    async close(ended) {
      if (ended) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Takes back what was staged after the checkpoint. */
async function restoreSegment(
  folder: string,
  state: Staged | undefined,
  pathOf: (segment: number) => string,
): Promise<void> {
  const kept = state && state.length > 0 ? pathOf(state.segment) : undefined;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path === kept) await cutBack(path, state?.length ?? 0);
    else await rm(path, { recursive: true, force: true });
  }
}

/** Sends each set as soon as the one before it is answered. */
function openDirect(producer: Producer): Out {
  let sending: Promise<void> = Promise.resolve();
  return {
    async take(set) {
      await sending;
      sending = producer.send([set]);
      // Whoever waits for it next is told.
      sending.catch(() => {});
    },
    async prepare() {
      await sending;
      return null;
    },
    async commit() {},
    async close() {
      await sending.catch(() => {});
    },
  };
}

const refusal = (message: string, transform: string): Failure => ({
  code: 'KAFKA_MESSAGE_REFUSED',
  message: `Kafka does not take the message: ${message}`,
  transform,
});
