/** One request that sends record sets to a broker. */
import { type Broker, bodyOf, type Exchange, PRODUCE } from './kafkajs.ts';
import { headOf, type RecordSet, type Sender } from './record-batch.ts';

const ACKS_OF_ALL = -1;
const TIMEOUT_MS = 30_000;
/** From 3 to 8 requests look the same; below 7 there is no zstd. */
const VERSION = { least: 3, most: 7 };

/** Sends at most one set for each partition; gives the number of the error that each partition answers with, 0 for none. */
export async function produce(
  broker: Broker,
  topic: string,
  sets: readonly RecordSet[],
  senderOf: (set: RecordSet) => Sender,
  transactionalId?: string,
): Promise<Map<number, number>> {
  const most = broker.versions[PRODUCE]?.maxVersion ?? VERSION.least;
  const apiVersion = Math.min(VERSION.most, most);
  const exchange: Exchange<Map<number, number>> = {
    request: {
      apiKey: PRODUCE,
      apiName: 'Produce',
      apiVersion,
      encode: async () => bodyOf(encode(topic, sets, senderOf, transactionalId)),
    },
    response: { decode: async raw => decode(raw, apiVersion), parse: async decoded => decoded },
  };
  return broker.connectionPool.send(exchange);
}

function encode(
  topic: string,
  sets: readonly RecordSet[],
  senderOf: (set: RecordSet) => Sender,
  transactionalId?: string,
): Buffer {
  const parts: Buffer[] = [
    transactionalId === undefined ? integers([-1, 2]) : text(transactionalId),
    integers([ACKS_OF_ALL, 2], [TIMEOUT_MS, 4], [1, 4]),
    text(topic),
    integers([sets.length, 4]),
  ];
  for (const set of sets) {
    const head = headOf(set, senderOf(set));
    parts.push(integers([set.partition, 4], [head.length + set.body.length, 4]), head, set.body);
  }
  return Buffer.concat(parts);
}

function decode(raw: Buffer, version: number): Map<number, number> {
  const errors = new Map<number, number>();
  // One topic: its count and its name come first.
  let at = 4 + 2 + raw.readInt16BE(4);
  const count = raw.readInt32BE(at);
  at += 4;
  for (let i = 0; i < count; i++) {
    errors.set(raw.readInt32BE(at), raw.readInt16BE(at + 4));
    at += version >= 5 ? 30 : 22;
  }
  return errors;
}

function integers(...values: [value: number, bytes: 2 | 4][]): Buffer {
  const buffer = Buffer.alloc(values.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of values) {
    buffer.writeIntBE(value, at, bytes);
    at += bytes;
  }
  return buffer;
}

const text = (value: string): Buffer =>
  Buffer.concat([integers([Buffer.byteLength(value), 2]), Buffer.from(value)]);
