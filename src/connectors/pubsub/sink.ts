/** `WriteToPubSub`: publishes elements to a topic, in requests of many messages. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Batch, type Failure, selectElements } from '../../engine/batch.ts';
import { defineSink, type ElementType, type Json, type Sink } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { connectPubsub, LEAVING_MS, type PubsubConnection } from './client.ts';
import { type MessageShape, messageOf, type OutgoingMessage } from './messages.ts';
import { checkedName, ensureTopic, refused } from './resources.ts';

/** Pub/Sub takes 1,000 messages and 10 MB a request; smaller ones are answered sooner. */
const REQUEST_MESSAGES = 1000;
const REQUEST_BYTES = 1 << 20;
/** What may be unanswered before `write` waits. */
const UNANSWERED_REQUESTS = 4;
const UNANSWERED_BYTES = 16 << 20;

const config = {
  type: 'object',
  required: ['topic'],
  additionalProperties: false,
  properties: {
    topic: { type: 'string', description: 'The topic; one of the embedded Pub/Sub is made if need be.' },
    format: {
      enum: ['RAW', 'STRING', 'JSON'],
      description:
        'RAW and STRING publish the only field as it is, JSON the row. Default: JSON for rows, else RAW.',
    },
    attributes: {
      type: 'array',
      items: { type: 'string' },
      description: 'Fields of the row to be attributes and not part of the payload.',
    },
    attributes_map: { type: 'string', description: 'A field of the row that holds further attributes.' },
    id_attribute: {
      type: 'string',
      description: 'Attribute to hold an id of the element, by which a reader can tell messages apart.',
    },
    timestamp_attribute: {
      type: 'string',
      description: 'Attribute to hold the event time, in ms since the epoch.',
    },
    keep_attributes: {
      type: 'boolean',
      default: false,
      description: 'Attributes and ordering key of the message an element came from go on with it.',
    },
  },
} as const;

export const writeToPubSub = defineSink({
  name: 'WriteToPubSub',
  system: 'Pub/Sub',
  summary: 'Publishes elements to a Pub/Sub topic.',
  description:
    'At least once: after a restart what came after the last checkpoint is published again; `id_attribute` lets ' +
    'the reader take it once. Messages that Pub/Sub would refuse (too large, bad attributes) fail one by one.',
  config,
  examples: [
    {
      title: 'Lines of files as messages',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: ReadFromText\n      config: {path: gs://bucket/in/*.txt}\n    - type: WriteToPubSub\n      config: {topic: projects/local/topics/orders}\n',
    },
  ],
  accept: checkInput,
  reach: () => ({ topics: true }),
  async open(asked, context) {
    const shape = shapeOf(asked, context.input);
    const topic = checkedName('topics', asked.topic);
    const connection = await connectPubsub(context.config);
    try {
      if (await ensureTopic(connection, topic)) context.report('INFO', `created ${topic}`);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return new PubsubSink(connection, topic, shape, context.stage);
  },
});

interface Asked {
  format?: 'RAW' | 'STRING' | 'JSON';
  attributes?: readonly string[];
  attributes_map?: string;
  id_attribute?: string;
  timestamp_attribute?: string;
  keep_attributes?: boolean;
}

/** Refuses what cannot become messages, before anything runs. */
function checkInput({ form }: ElementType, { format, attributes = [], attributes_map }: Asked): void {
  const fault = (what: string) => new SluiceError('PIPELINE_INVALID', `WriteToPubSub: ${what}`);
  if (form === 'failure')
    throw fault('failed elements have no message form: put EncodeDeadLetters before it');
  if (form === 'row') return;
  if (format === 'JSON') throw fault('format JSON takes rows, and its input is text: use RAW');
  if (attributes.length > 0 || attributes_map !== undefined)
    throw fault('attributes are taken from the fields of rows, and its input is text');
}

function shapeOf(asked: Asked, input: ElementType | undefined): MessageShape {
  const { format = 'JSON' } = asked;
  return {
    ...(input?.form === 'row' && { row: format === 'JSON' ? 'json' : 'field' }),
    attributes: asked.attributes ?? [],
    attributesMap: asked.attributes_map,
    idAttribute: asked.id_attribute,
    timestampAttribute: asked.timestamp_attribute,
    keepAttributes: asked.keep_attributes ?? false,
  };
}

class PubsubSink implements Sink {
  readonly #connection: PubsubConnection;
  readonly #topic: string;
  readonly #shape: MessageShape;
  readonly #stage: string;
  readonly #unanswered = new Set<Promise<void>>();
  #unansweredBytes = 0;
  #failure: SluiceError | undefined;
  #wrote = false;

  constructor(connection: PubsubConnection, topic: string, shape: MessageShape, stage: string) {
    this.#connection = connection;
    this.#topic = topic;
    this.#shape = shape;
    this.#stage = stage;
  }

  async write(batch: Batch): Promise<{ failed?: Batch } | undefined> {
    const refusedIndices: number[] = [];
    const failures: Failure[] = [];
    let messages: OutgoingMessage[] = [];
    let bytes = 0;
    for (let i = 0; i < batch.count; i++) {
      const message = messageOf(batch, i, this.#shape);
      if (typeof message === 'string') {
        refusedIndices.push(i);
        failures.push(refusal(message, this.#stage));
        continue;
      }
      const size = sizeOf(message);
      if (messages.length === REQUEST_MESSAGES || (messages.length > 0 && bytes + size > REQUEST_BYTES)) {
        await this.#publish(messages, bytes);
        messages = [];
        bytes = 0;
      }
      messages.push(message);
      bytes += size;
    }
    if (messages.length > 0) await this.#publish(messages, bytes);
    return failures.length > 0 ? { failed: selectElements(batch, refusedIndices, failures) } : undefined;
  }

  /** Waits until everything is confirmed: then it is durable, and a checkpoint may say so. */
  async prepare(): Promise<Json> {
    await this.#answered(0, Number.POSITIVE_INFINITY);
    return null;
  }

  async commit(): Promise<void> {}

  async close(): Promise<void> {
    await this.#connection.close();
    await Promise.race([Promise.all(this.#unanswered), sleep(LEAVING_MS, undefined, { ref: false })]);
  }

  outputs(): string[] {
    return this.#wrote ? [this.#topic] : [];
  }

  /** Sends a request once few enough are unanswered; messages with a key wait for all, to keep their order. */
  async #publish(messages: OutgoingMessage[], bytes: number): Promise<void> {
    const ordered = messages.some(({ orderingKey }) => orderingKey !== '');
    await this.#answered(ordered ? 0 : UNANSWERED_REQUESTS - 1, UNANSWERED_BYTES);
    this.#wrote = true;
    this.#unansweredBytes += bytes;
    const request = this.#connection
      .call(({ publisher }, options) => publisher.publish({ topic: this.#topic, messages }, options))
      .catch((error: unknown) => {
        this.#failure ??= refused(error, this.#topic);
      })
      .then(() => {
        this.#unanswered.delete(request);
        this.#unansweredBytes -= bytes;
      });
    this.#unanswered.add(request);
  }

  async #answered(requests: number, bytes: number): Promise<void> {
    while (this.#unanswered.size > requests || this.#unansweredBytes > bytes)
      await Promise.race(this.#unanswered);
    if (this.#failure) throw this.#failure;
  }
}

const refusal = (message: string, transform: string): Failure => ({
  code: 'PUBSUB_MESSAGE_REFUSED',
  message: `Pub/Sub does not take the message: ${message}`,
  transform,
});

/** A little more than the message takes on the wire. */
function sizeOf({ data, attributes, orderingKey }: OutgoingMessage): number {
  let bytes = data.length + 3 * orderingKey.length + 16;
  for (const name in attributes) bytes += 3 * (name.length + (attributes[name]?.length ?? 0)) + 12;
  return bytes;
}
