/** Builds record batches: the records as they are sent, compressed as one, and the head that is put before them. */
import { crc32c } from './checksum.ts';
import { type Compression, compress } from './codecs.ts';

export interface Message {
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly [name: string, value: Buffer | null][];
  /** In ms since the epoch. */
  time: number;
}

/** Records for one partition, ready to be sent but for who sends them. */
export interface RecordSet {
  partition: number;
  count: number;
  codec: number;
  baseTime: number;
  maxTime: number;
  body: Buffer;
}

export interface Sender {
  producerId: bigint;
  epoch: number;
  /** The number of the first record, counted for each partition. */
  sequence: number;
  isTransactional: boolean;
}

/** What a record has at most beside key, value and headers. */
export const RECORD_OVERHEAD = 40;
export const BATCH_OVERHEAD = 61;
const FIRST_BYTES = 1 << 14;

/** A little more than the message takes. */
export function sizeOf({ key, value, headers }: Message): number {
  let bytes = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, header] of headers) bytes += 10 + Buffer.byteLength(name) + (header?.length ?? 0);
  return bytes;
}

/** Takes the messages for one partition. */
export class RecordSetBuilder {
  readonly partition: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;
  #count = 0;
  #baseTime = 0;
  #maxTime = 0;

  constructor(partition: number) {
    this.partition = partition;
  }

  get bytes(): number {
    return this.#at;
  }

  /** @param size what `sizeOf` says */
  add(message: Message, size: number): void {
    const { key, value, headers, time } = message;
    if (this.#count === 0) this.#baseTime = this.#maxTime = time;
    if (time > this.#maxTime) this.#maxTime = time;
    this.#reserve(size);
    const delta = time - this.#baseTime;
    let length = 1 + varintLength(delta) + varintLength(this.#count) + bytesLength(key) + bytesLength(value);
    length += varintLength(headers.length);
    const names = headers.map(([name]) => Buffer.from(name));
    for (const [i, [, header]] of headers.entries())
      length += bytesLength(names[i] ?? null) + bytesLength(header);
    this.#varint(length);
    this.#bytes[this.#at++] = 0;
    this.#varint(delta);
    this.#varint(this.#count++);
    this.#put(key);
    this.#put(value);
    this.#varint(headers.length);
    for (const [i, [, header]] of headers.entries()) {
      this.#put(names[i] ?? null);
      this.#put(header);
    }
  }

  /** What was taken so far; the builder begins anew. */
  async finish(compression: Compression): Promise<RecordSet> {
    const { codec, body } = await compress(compression, this.#bytes.subarray(0, this.#at));
    const set: RecordSet = {
      partition: this.partition,
      count: this.#count,
      codec,
      baseTime: this.#baseTime,
      maxTime: this.#maxTime,
      body,
    };
    this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length);
    this.#at = 0;
    this.#count = 0;
    return set;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  #put(bytes: Buffer | null): void {
    this.#varint(bytes ? bytes.length : -1);
    if (!bytes) return;
    // Short ones are not worth the call.
    if (bytes.length < 24)
      for (let i = 0; i < bytes.length; i++) this.#bytes[this.#at + i] = bytes[i] as number;
    else bytes.copy(this.#bytes, this.#at);
    this.#at += bytes.length;
  }

  #varint(value: number): void {
    let rest = zigzag(value);
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

function varintLength(value: number): number {
  let length = 1;
  for (let rest = zigzag(value); rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

const bytesLength = (bytes: Buffer | null): number => (bytes ? varintLength(bytes.length) + bytes.length : 1);

const TRANSACTIONAL = 0x10;
/** The checksum covers what follows it. */
const CHECKSUM_AT = 17;
const CHECKED_FROM = 21;

/** The head of the batch as this sender sends it. */
export function headOf(set: RecordSet, { producerId, epoch, sequence, isTransactional }: Sender): Buffer {
  const { count, codec, baseTime, maxTime, body } = set;
  const head = Buffer.alloc(BATCH_OVERHEAD);
  head.writeInt32BE(BATCH_OVERHEAD - 12 + body.length, 8);
  head.writeInt32BE(-1, 12);
  head.writeInt8(2, 16);
  head.writeInt16BE(codec | (isTransactional ? TRANSACTIONAL : 0), 21);
  head.writeInt32BE(count - 1, 23);
  head.writeBigInt64BE(BigInt(baseTime), 27);
  head.writeBigInt64BE(BigInt(maxTime), 35);
  head.writeBigInt64BE(producerId, 43);
  head.writeInt16BE(epoch, 51);
  head.writeInt32BE(sequence, 53);
  head.writeInt32BE(count, 57);
  head.writeUInt32BE(crc32c(body, crc32c(head.subarray(CHECKED_FROM))), CHECKSUM_AT);
  return head;
}
