/** One request for records of several partitions of a broker, and what it answers. */
import { type Broker, type Exchange, FETCH, fetchDefinition } from './kafkajs.ts';
import { type AbortedTransaction, decodeRecords, type Records } from './records.ts';

export interface Wanted {
  topic: string;
  partition: number;
  /** The offset to go on at. */
  from: number;
}

export interface Fetched {
  topic: string;
  partition: number;
  /** 0: none. */
  errorCode: number;
  /** The offset after the last record that can be read. */
  end: number;
  /** Why the records cannot be decoded. */
  fault?: string;
  records?: Records;
}

const MAX_WAIT_MS = 500;
const MAX_BYTES = 8 << 20;
const PARTITION_BYTES = 1 << 20;

/** Waits for records a while, and gives what there is. */
export async function fetchRecords(
  broker: Broker,
  wanted: readonly Wanted[],
  isolationLevel: number,
): Promise<Fetched[]> {
  const topics = [...Map.groupBy(wanted, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topic,
    partitions: partitions.map(({ partition, from }) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: String(from),
      maxBytes: PARTITION_BYTES,
    })),
  }));
  const request = broker.lookupRequest(
    FETCH,
    fetchDefinition(),
  )({
    isolationLevel,
    maxWaitTime: MAX_WAIT_MS,
    minBytes: 1,
    maxBytes: MAX_BYTES,
    rackId: '',
    topics,
  });
  const { apiVersion } = request.request as { apiVersion: number };
  const exchange: Exchange<Fetched[]> = {
    request: request.request,
    response: {
      decode: async raw => decodeAnswer(raw, apiVersion, wanted),
      parse: async decoded => decoded,
    },
  };
  return broker.connectionPool.send(exchange);
}

async function decodeAnswer(raw: Buffer, version: number, wanted: readonly Wanted[]): Promise<Fetched[]> {
  let at = 4;
  // Where it was before it went on by so many bytes.
  const pass = (bytes: number) => {
    at += bytes;
    return at - bytes;
  };
  const int16 = () => raw.readInt16BE(pass(2));
  const int32 = () => raw.readInt32BE(pass(4));
  const int64 = () => raw.readBigInt64BE(pass(8));
  const text = () => {
    const length = int16();
    return raw.toString('utf8', pass(length), at);
  };
  const many = <T>(read: () => T): T[] => Array.from({ length: Math.max(0, int32()) }, read);

  if (version >= 7) at += 6;
  const partitions = many(() => {
    const topic = text();
    return many(() => {
      const partition = int32();
      const errorCode = int16();
      at += 8;
      const end = Number(int64());
      if (version >= 5) at += 8;
      const aborted: AbortedTransaction[] = many(() => ({
        producerId: int64(),
        firstOffset: Number(int64()),
      }));
      if (version >= 11) at += 4;
      const length = Math.max(0, int32());
      const bytes = raw.subarray(at, at + length);
      at += length;
      return { topic, partition, errorCode, end, aborted, bytes };
    });
  }).flat();
  return Promise.all(
    partitions.map(async ({ aborted, bytes, ...fetched }) => {
      if (bytes.length === 0) return fetched;
      const from = wanted.find(
        ({ topic, partition }) => topic === fetched.topic && partition === fetched.partition,
      )?.from;
      try {
        return { ...fetched, records: await decodeRecords(bytes, from ?? 0, aborted) };
      } catch (error) {
        return { ...fetched, fault: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}
