/** `ReadFromPubSub`: the messages of a subscription, acknowledged once a checkpoint holds them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../../engine/batch.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { connectPubsub, LEAVING_MS, type PubsubConnection } from './client.ts';
import { type ElementShape, isRow, type Message, toBatch } from './elements.ts';
import { acknowledge } from './leases.ts';
import { Ledger, type LedgerPosition } from './ledger.ts';
import { PendingAcks } from './pending-acks.ts';
import { LEASE_SECONDS, Reception } from './reception.ts';
import { checkedName, createSubscription, ensureTopic, refused, requireSubscription } from './resources.ts';
import { isNotFound } from './retry.ts';
import { WatermarkGuess } from './watermark.ts';

const BATCH_MESSAGES = 1000;
const BATCH_BYTES = 256 << 10;
/** Read and not acknowledged: more is not read before the next checkpoint. Within what the ledger remembers. */
const MAX_UNACKNOWLEDGED = 200_000;

/** The embedded service delivers in the order of the publish times; Google's, and event times, are roughly so. */
const SLACK_MS = { inOrder: 1000, roughly: 10_000 };

const config = {
  type: 'object',
  additionalProperties: false,
  oneOf: [{ required: ['topic'] }, { required: ['subscription'] }],
  properties: {
    topic: {
      type: 'string',
      description: 'Read from now on, through a subscription of the job, which is deleted at its end.',
    },
    subscription: { type: 'string', description: 'Read what waits in it, and what comes.' },
    format: {
      enum: ['RAW', 'STRING', 'JSON'],
      default: 'RAW',
      description: 'RAW and STRING give the payload as it is. For JSON, let ParseJson follow.',
    },
    attributes: {
      type: 'array',
      items: { type: 'string' },
      description: 'Attributes to be fields of the element, null where a message lacks one.',
    },
    attributes_map: { type: 'string', description: 'A field that takes all attributes.' },
    id_attribute: {
      type: 'string',
      description: 'Attribute by which messages are told apart, instead of their ids.',
    },
    timestamp_attribute: {
      type: 'string',
      description:
        'Attribute with the event time (ms since the epoch, or RFC 3339), instead of the publish time.',
    },
  },
} as const;

export const readFromPubSub = defineSource({
  name: 'ReadFromPubSub',
  system: 'Pub/Sub',
  summary: 'Reads the messages of a Pub/Sub topic or subscription.',
  description:
    'Each element has one field, `payload`; with `attributes` or `attributes_map` it is a row. A message is ' +
    'acknowledged once everything made of it is durable, and one that is delivered again is recognised by its id ' +
    'and taken once, within the last 250,000 messages of a worker. Of several workers each knows only its own: ' +
    'what one had read when it was killed may be taken again by another.',
  config,
  streaming: true,
  examples: [
    {
      title: 'A topic into text files of five minutes',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: ReadFromPubSub\n      config: {topic: projects/local/topics/orders}\n    - type: WindowInto\n      config: {windowing: {type: fixed, size: 5m}}\n    - type: WriteToText\n      config: {path: gs://bucket/orders/part}\n',
    },
  ],
  output: ({ format, attributes = [], attributes_map }) => {
    if (format === 'JSON')
      throw new SluiceError(
        'PIPELINE_INVALID',
        'ReadFromPubSub: format must be RAW or STRING; for JSON let ParseJson follow, where a bad message can be a dead letter',
      );
    return isRow({ attributes, attributesMap: attributes_map })
      ? { form: 'row' }
      : { form: 'text', field: 'payload' };
  },
  reach: () => ({ topics: true }),
  async open(
    { topic, subscription, attributes, attributes_map, id_attribute, timestamp_attribute },
    context,
  ) {
    const shape = {
      attributes: attributes ?? [],
      attributesMap: attributes_map,
      timestampAttribute: timestamp_attribute,
    };
    const topicName = topic === undefined ? undefined : checkedName('topics', topic);
    const named = subscription === undefined ? undefined : checkedName('subscriptions', subscription);
    const connection = await connectPubsub(context.config);
    try {
      const name = named ?? (await subscribe(connection, topicName ?? '', context));
      if (named) await requireSubscription(connection, named);
      const pendingAcks = await acknowledgeRestored(connection, name, context);
      const subscribed = { name, owned: !named };
      return new PubsubSource(connection, subscribed, pendingAcks, shape, id_attribute, context);
    } catch (error) {
      await connection.close();
      throw error;
    }
  },
});

/** The job's own subscription to the topic: of the same name when the job goes on. */
async function subscribe(
  connection: PubsubConnection,
  topic: string,
  { keptAs: { jobId, stage }, report }: StageContext,
): Promise<string> {
  if (await ensureTopic(connection, topic)) report('INFO', `created ${topic}`);
  const id = `sluice-${jobId}-${stage.replace(/[^A-Za-z0-9-]+/g, '-')}`.slice(0, 255);
  const name = `${topic.slice(0, topic.indexOf('/topics/'))}/subscriptions/${id}`;
  await createSubscription(connection, name, topic);
  return name;
}

const directoryOf = ({ jobDirectory, keptAs }: StageContext): string =>
  join(jobDirectory, 'stages', encodeURIComponent(keptAs.stage));

const fileNameOf = ({ worker }: StageContext): string => `worker-${worker.index}`;

/** Acknowledges what the checkpoint holds, before the stream is opened that would bring it again. */
async function acknowledgeRestored(
  connection: PubsubConnection,
  subscription: string,
  context: StageContext,
): Promise<PendingAcks> {
  const restored = context.restored as Snapshot | null | undefined;
  mkdirSync(directoryOf(context), { recursive: true });
  const pendingAcks = new PendingAcks(directoryOf(context), fileNameOf(context), restored?.acks);
  if (!restored) return pendingAcks;
  try {
    await acknowledge(connection, subscription, pendingAcks.restored);
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    // The ids may be too old; then the messages come again, and are known by theirs.
    context.report('DEBUG', `old acknowledgements are refused: ${String(error)}`);
  }
  return pendingAcks;
}

type Snapshot = LedgerPosition & { acks: number; duplicates: number };

class PubsubSource implements Source {
  readonly #connection: PubsubConnection;
  readonly #subscription: { name: string; owned: boolean };
  readonly #shape: ElementShape;
  readonly #idAttribute: string | undefined;
  readonly #context: StageContext;
  readonly #reception: Reception;
  readonly #ledger: Ledger;
  readonly #pendingAcks: PendingAcks;
  readonly #watermark: WatermarkGuess;
  /** Ack ids of what was read since the last snapshot, of what it holds, and of what is being acknowledged. */
  #fresh: string[] = [];
  #sealed: string[] = [];
  #sending: readonly string[] = [];
  #acknowledging: Promise<unknown> = Promise.resolve();
  #ackFailure: { error: unknown } | undefined;
  #duplicates: number;

  constructor(
    connection: PubsubConnection,
    subscription: { name: string; owned: boolean },
    pendingAcks: PendingAcks,
    shape: ElementShape,
    idAttribute: string | undefined,
    context: StageContext,
  ) {
    this.#connection = connection;
    this.#subscription = subscription;
    this.#shape = shape;
    this.#idAttribute = idAttribute;
    this.#context = context;
    const restored = context.restored as Snapshot | null | undefined;
    this.#ledger = new Ledger(directoryOf(context), fileNameOf(context), restored ?? undefined);
    this.#pendingAcks = pendingAcks;
    this.#duplicates = restored?.duplicates ?? 0;
    const heldForMs = restored && !connection.embedded ? LEASE_SECONDS * 1000 : 0;
    const slack = connection.embedded && !shape.timestampAttribute ? SLACK_MS.inOrder : SLACK_MS.roughly;
    this.#watermark = new WatermarkGuess(slack, Date.now() + heldForMs);
    this.#reception = new Reception(connection, subscription.name, () => this.#unacknowledged());
  }

  async read(signal: AbortSignal): Promise<Batch | 'idle'> {
    for (;;) {
      if (this.#ackFailure) throw this.#refused(this.#ackFailure.error);
      const held = this.#fresh.length + this.#sealed.length >= MAX_UNACKNOWLEDGED;
      if (held) await untilAborted(signal);
      else
        await this.#reception.wait(signal).catch((error: unknown) => {
          throw this.#refused(error);
        });
      if (held || !this.#reception.ready) return 'idle';
      const batch = this.#take();
      if (batch) return batch;
    }
  }

  /** The next messages that are not known yet, if any. */
  #take(): Batch | undefined {
    const messages: Message[] = [];
    const before = this.#duplicates;
    for (const { ackId, message } of this.#reception.take(BATCH_MESSAGES, BATCH_BYTES)) {
      this.#fresh.push(ackId);
      if (!message) continue;
      if (this.#ledger.add(this.#idOf(message))) messages.push(message);
      else this.#duplicates++;
    }
    if (this.#duplicates > before)
      this.#context.report(
        'DEBUG',
        `${this.#duplicates - before} messages were delivered again and left out`,
      );
    if (messages.length === 0) return undefined;
    const batch = toBatch(messages, this.#shape);
    if (batch.times) this.#watermark.read(batch.times);
    return batch;
  }

  #idOf({ messageId, attributes }: Message): string {
    const name = this.#idAttribute;
    return name !== undefined && Object.hasOwn(attributes, name)
      ? (attributes[name] ?? messageId)
      : messageId;
  }

  watermark(): number {
    return this.#watermark.at(this.#reception.caughtUp);
  }

  snapshot(): Json {
    if (this.#fresh.length > 0) {
      this.#sealed = this.#sealed.length === 0 ? this.#fresh : this.#sealed.concat(this.#fresh);
      this.#fresh = [];
      this.#pendingAcks.seal([...this.#sending, ...this.#sealed]);
    }
    return { ...this.#ledger.seal(), acks: this.#pendingAcks.sequence, duplicates: this.#duplicates };
  }

  /** Resolves once the acknowledgements before these are answered: these go on while the next messages are read. */
  async acknowledge(): Promise<void> {
    this.#ledger.committed();
    this.#pendingAcks.committed();
    await this.#acknowledging;
    if (this.#ackFailure) throw this.#refused(this.#ackFailure.error);
    this.#sending = this.#sealed;
    this.#sealed = [];
    this.#acknowledging = acknowledge(this.#connection, this.#subscription.name, this.#sending).then(
      () => {
        this.#sending = [];
      },
      (error: unknown) => {
        this.#ackFailure = { error };
      },
    );
  }

  async close(ended: boolean): Promise<void> {
    const { name: subscription, owned } = this.#subscription;
    try {
      if (ended) await this.#acknowledging;
      else {
        this.#connection.leave();
        await Promise.race([this.#acknowledging, sleep(LEAVING_MS, undefined, { ref: false })]);
      }
      await this.#reception.close([...this.#unacknowledged()]);
      if (ended && owned && this.#context.worker.index === 0)
        await this.#connection.call(({ subscriber }, options) =>
          subscriber.deleteSubscription({ subscription }, options),
        );
    } catch (error) {
      if (!isNotFound(error)) this.#context.report('WARNING', this.#refused(error).message);
    } finally {
      await this.#connection.close();
      this.#ledger.close(ended);
      this.#pendingAcks.close(ended);
    }
  }

  *#unacknowledged(): Iterable<string> {
    yield* this.#sending;
    yield* this.#sealed;
    yield* this.#fresh;
  }

  #refused(error: unknown): SluiceError {
    const { name } = this.#subscription;
    if (isNotFound(error))
      return new SluiceError('PUBSUB_NOT_FOUND', `${name} was deleted while it was read`, { cause: error });
    return refused(error, name);
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
