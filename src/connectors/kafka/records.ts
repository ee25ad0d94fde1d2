/**
 * Decodes what a fetch gives: the records of a partition as columns over the bytes that came, without an object for
 * each of them. What belongs to a transaction that was given up is left out.
 */
import { decompress } from './codecs.ts';

/** Records of one partition, in the order of their offsets. */
export interface Records {
  count: number;
  bytes: Buffer;
  /** Where the value of each begins and ends; both are the same where there is none. */
  starts: Int32Array;
  ends: Int32Array;
  /** Where the key of each begins and ends; the begin is -1 where there is none. */
  keyStarts: Int32Array;
  keyEnds: Int32Array;
  /** Where the headers of each begin; -1 where it has none. */
  headers: Int32Array;
  /** 1 where the value is null. */
  nulls: Uint8Array;
  offsets: Float64Array;
  /** In ms since the epoch. */
  times: Float64Array;
  /** The offset to go on at. */
  next: number;
}

export interface AbortedTransaction {
  producerId: bigint;
  firstOffset: number;
}

/** One batch as it lies in the answer. */
interface RecordBatch {
  baseOffset: number;
  lastOffset: number;
  attributes: number;
  baseTime: number;
  maxTime: number;
  producerId: bigint;
  count: number;
  /** Where its records lie. */
  start: number;
  end: number;
}

const HEADER_BYTES = 61;
const MAGIC_AT = 16;
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** No record is shorter. */
const MIN_RECORD_BYTES = 7;

/** The records from `from` on; throws when the bytes are none. */
export async function decodeRecords(
  bytes: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[],
): Promise<Records> {
  const batches = batchesIn(bytes);
  const wanted = committed(bytes, batches, aborted).filter(({ lastOffset }) => lastOffset >= from);
  const next = Math.max(from, (batches.at(-1)?.lastOffset ?? from - 1) + 1);
  const isPlain = wanted.every(({ attributes }) => (attributes & CODEC) === 0);
  if (isPlain) return columnsOf(bytes, wanted, from, next);
  const parts: Buffer[] = [];
  const moved: RecordBatch[] = [];
  let at = 0;
  for (const batch of wanted) {
    const part = await decompress(batch.attributes & CODEC, bytes.subarray(batch.start, batch.end));
    parts.push(part);
    moved.push({ ...batch, start: at, end: at + part.length });
    at += part.length;
  }
  const [only] = parts;
  return columnsOf(parts.length === 1 && only ? only : Buffer.concat(parts), moved, from, next);
}

/** The batches that are there as a whole: the last one may have been cut off. */
function batchesIn(bytes: Buffer): RecordBatch[] {
  const batches: RecordBatch[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readInt32BE(at + 8);
    const end = at + 12 + length;
    if (length < HEADER_BYTES - 12) throw new Error('a record batch is cut short');
    if (end > bytes.length) break;
    if (bytes[at + MAGIC_AT] !== 2)
      throw new Error('its messages are in the format of before Kafka 0.11, which is not read');
    const baseOffset = Number(bytes.readBigInt64BE(at));
    batches.push({
      baseOffset,
      lastOffset: baseOffset + bytes.readInt32BE(at + 23),
      attributes: bytes.readInt16BE(at + 21),
      baseTime: Number(bytes.readBigInt64BE(at + 27)),
      maxTime: Number(bytes.readBigInt64BE(at + 35)),
      producerId: bytes.readBigInt64BE(at + 43),
      count: bytes.readInt32BE(at + 57),
      start: at + HEADER_BYTES,
      end,
    });
    at = end;
  }
  return batches;
}

/** Without markers of transactions, and without what was given up. */
function committed(
  bytes: Buffer,
  batches: readonly RecordBatch[],
  aborted: readonly AbortedTransaction[],
): RecordBatch[] {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const given = new Set<bigint>();
  return batches.filter(batch => {
    while (waiting[0] && waiting[0].firstOffset <= batch.lastOffset) {
      given.add(waiting[0].producerId);
      waiting.shift();
    }
    if ((batch.attributes & CONTROL) !== 0) {
      if (isAbortMarker(bytes, batch)) given.delete(batch.producerId);
      return false;
    }
    return (batch.attributes & TRANSACTIONAL) === 0 || !given.has(batch.producerId);
  });
}

/** Its only record has a key of two numbers, the version and the kind: 0 gives up, 1 commits. */
function isAbortMarker(bytes: Buffer, { start, end }: RecordBatch): boolean {
  const reader = new Reader(bytes, start, end);
  reader.varint();
  reader.skip(1);
  reader.varint();
  reader.varint();
  const length = reader.varint();
  return length >= 4 && bytes.readInt16BE(reader.at + 2) === 0;
}

function columnsOf(bytes: Buffer, batches: readonly RecordBatch[], from: number, next: number): Records {
  const room = batches.reduce((sum, batch) => sum + roomFor(batch), 0);
  const records: Records = {
    count: 0,
    bytes,
    starts: new Int32Array(room),
    ends: new Int32Array(room),
    keyStarts: new Int32Array(room),
    keyEnds: new Int32Array(room),
    headers: new Int32Array(room),
    nulls: new Uint8Array(room),
    offsets: new Float64Array(room),
    times: new Float64Array(room),
    next,
  };
  for (const batch of batches) addBatch(records, batch, from);
  return records;
}

function roomFor({ count, start, end }: RecordBatch): number {
  if (count < 0 || count * MIN_RECORD_BYTES > end - start)
    throw new Error('a record batch claims more records than it has');
  return count;
}

function addBatch(records: Records, batch: RecordBatch, from: number): void {
  const { baseOffset, baseTime, maxTime, count, attributes, start, end } = batch;
  const isLogTime = (attributes & LOG_APPEND_TIME) !== 0;
  const reader = new Reader(records.bytes, start, end);
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const recordEnd = reader.at + length;
    if (length < 0 || recordEnd > end) throw new Error('a record is cut short');
    reader.skip(1);
    const time = baseTime + reader.varint();
    const offset = baseOffset + reader.varint();
    const keyLength = reader.varint();
    const keyStart = reader.at;
    if (keyLength > 0) reader.skip(keyLength);
    const valueLength = reader.varint();
    const valueStart = reader.at;
    if (valueLength > 0) reader.skip(valueLength);
    if (reader.at >= recordEnd) throw new Error('a record is cut short');
    if (offset >= from) {
      const n = records.count++;
      records.keyStarts[n] = keyLength < 0 ? -1 : keyStart;
      records.keyEnds[n] = keyStart + Math.max(0, keyLength);
      records.starts[n] = valueStart;
      records.ends[n] = valueStart + Math.max(0, valueLength);
      if (valueLength < 0) records.nulls[n] = 1;
      records.headers[n] = records.bytes[reader.at] === 0 ? -1 : reader.at;
      records.offsets[n] = offset;
      records.times[n] = isLogTime ? maxTime : time;
    }
    reader.at = recordEnd;
  }
}

/** The headers that begin at this place: name and value, which may be null. */
export function headersAt(bytes: Buffer, place: number): [name: string, value: Buffer | null][] {
  const reader = new Reader(bytes, place, bytes.length);
  const count = reader.varint();
  const headers: [string, Buffer | null][] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.bytes(reader.varint()) ?? Buffer.alloc(0);
    headers.push([name.toString(), reader.bytes(reader.varint())]);
  }
  return headers;
}

class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  /** A number in groups of seven bits, the sign in the lowest. Those of Kafka are below 2^53. */
  varint(): number {
    const first = this.#bytes[this.at] ?? 0;
    if (first < 0x80 && this.at < this.#end) {
      this.at++;
      return (first >>> 1) ^ -(first & 1);
    }
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (this.at > this.#end) break;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      factor *= 128;
    }
    throw new Error('a number of a record is cut short');
  }

  skip(length: number): void {
    this.at += length;
    if (this.at > this.#end) throw new Error('a record is cut short');
  }

  /** So many bytes; null when the length is negative. */
  bytes(length: number): Buffer | null {
    if (length < 0) return null;
    const start = this.at;
    this.skip(length);
    return this.#bytes.subarray(start, this.at);
  }
}
