/** `sluice pubsub publish`: the lines of a file or of the standard input as messages. */
import { createReadStream } from 'node:fs';
import { MAX_DATA_BYTES, messageFault } from '../cloud/pubsub/limits.ts';
import { shortName } from '../cloud/pubsub/names.ts';
import { loadConfig } from '../config.ts';
import { connectPubsub } from '../connectors/pubsub/client.ts';
import { checkedName, hasTopic, refused } from '../connectors/pubsub/resources.ts';
import { payloadOf } from '../engine/batch.ts';
import { SluiceError, systemCode } from '../errors.ts';
import { splitLines } from '../formats/lines.ts';

const REQUEST_MESSAGES = 1000;
const REQUEST_BYTES = 4 << 20;
const NEWLINE = Buffer.from('\n');

export interface Published {
  topic: string;
  published: number;
  /** How many subscriptions the topic has: without one nobody will ever read the messages. */
  subscriptions: number;
}

export async function publish(
  topicName: string,
  file: string | undefined,
  attributes: Record<string, string>,
): Promise<Published> {
  const topic = checkedName('topics', topicName);
  const connection = await connectPubsub(loadConfig());
  try {
    if (!(await hasTopic(connection, topic)))
      throw new SluiceError(
        'PUBSUB_NOT_FOUND',
        `there is no topic ${topic}: create it with \`sluice pubsub create ${shortName(topic)} --subscription NAME\``,
      );
    let published = 0;
    for await (const payloads of requestsOf(file, attributes)) {
      const messages = payloads.map(data => ({ data, attributes }));
      await connection.call(({ publisher }, options) => publisher.publish({ topic, messages }, options));
      published += messages.length;
    }
    const [subscriptions] = await connection.call(({ publisher }, options) =>
      publisher.listTopicSubscriptions({ topic }, options),
    );
    return { topic, published, subscriptions: subscriptions.length };
  } catch (error) {
    throw systemCode(error) ? error : refused(error, topic);
  } finally {
    await connection.close();
  }
}

/** The lines in groups of what one request takes. */
async function* requestsOf(
  file: string | undefined,
  attributes: Record<string, string>,
): AsyncGenerator<Buffer[]> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let line = 0;
  for await (const payload of linesOf(file)) {
    line++;
    const fault = messageFault(payload.length, Object.entries(attributes), '');
    if (fault)
      throw new SluiceError(
        'PUBSUB_REFUSED',
        `${file ?? 'standard input'}:${line} cannot be published: ${fault}`,
      );
    if (waiting.length === REQUEST_MESSAGES || bytes + payload.length > REQUEST_BYTES) {
      if (waiting.length > 0) yield waiting;
      waiting = [];
      bytes = 0;
    }
    waiting.push(payload);
    bytes += payload.length;
  }
  if (waiting.length > 0) yield waiting;
}

/** The lines, as they come; a last one may lack its newline. */
async function* linesOf(file: string | undefined): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunksOf(file)) {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      yield* linesIn(Buffer.concat([...rest, chunk.subarray(0, end)]));
      rest = [];
      restBytes = 0;
    }
    rest.push(chunk.subarray(end));
    restBytes += chunk.length - end;
    // Refused by its length, before it fills the memory.
    if (restBytes > 2 * MAX_DATA_BYTES) break;
  }
  if (restBytes > 0) yield* linesIn(Buffer.concat([...rest, NEWLINE]));
}

function* linesIn(bytes: Buffer): Generator<Buffer> {
  const batch = splitLines(bytes);
  for (let i = 0; i < batch.count; i++) yield payloadOf(batch, i);
}

async function* chunksOf(file: string | undefined): AsyncGenerator<Buffer> {
  try {
    yield* file === undefined || file === '-'
      ? process.stdin
      : createReadStream(file, { highWaterMark: 1 << 20 });
  } catch (error) {
    throw new SluiceError(
      'INPUT_UNREADABLE',
      `${file} cannot be read: ${systemCode(error) ?? String(error)}`,
      {
        cause: error,
      },
    );
  }
}
