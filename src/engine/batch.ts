/**
 * A batch: the unit of all work. One buffer holds the payloads of its elements, two tables say where each
 * begins and ends, and further columns exist only where the source has them. Text passes from a source
 * through a UDF to a sink without one JavaScript object per element.
 */

/** What a message carries beside its payload. */
export interface Metadata {
  messageId?: string;
  /** RFC 3339. */
  publishTime?: string;
  attributes?: Record<string, string>;
  /** Pub/Sub's ordering key or Kafka's key. */
  key?: string;
  /** What it was in Kafka, whose keys and headers are bytes that text may not hold. */
  raw?: RawMessage;
}

/** What a record of Kafka carries beside its value, as it is there. */
export interface RawMessage {
  key: Buffer | null;
  headers: readonly [name: string, value: Buffer | null][];
  /** It has no value: it deletes what has its key. */
  isNull: boolean;
}

/** Why an element failed. */
export interface Failure {
  code: string;
  message: string;
  stack?: string;
  /** Full name of the transform that failed it. */
  transform: string;
}

/** Where the bytes of a batch come from, so that an element can be named by its position. */
export interface Origin {
  path: string;
  /** Offset in the (uncompressed) file of the batch's byte 0. */
  offset: number;
  /** The first line of the file, where it tells what the others mean. */
  header?: Buffer;
}

/** What an element keeps of the dead letter it was, so that it stays the same letter should it fail again. */
export interface ReplayedLetter {
  id: string;
  attempts: number;
  position?: string;
}

/** Element `i` was made of element `indices[i]` of a batch as a source gave it. */
export interface Original {
  batch: Batch;
  indices: Int32Array;
}

export interface Batch {
  readonly count: number;
  readonly bytes: Buffer;
  /** Element `i` is `bytes[starts[i], ends[i])`; both hold at least `count` entries. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** True when the elements lie side by side, each followed by one `\n`: a text sink may write them as they lie. */
  readonly lines?: boolean;
  /** Event times, ms since the epoch; absent: the elements have none. */
  readonly times?: Float64Array;
  /** Start and end of each element's window, two numbers each, where its event time does not tell it: sessions, sliding. */
  readonly windows?: Float64Array;
  readonly metadata?: readonly Metadata[];
  readonly origin?: Origin;
  /** The elements that a source gave and these were made of, one for each; absent: they are what was given. */
  readonly original?: Original;
  /** Full name of the source that gave the batch; set as it is read. */
  source?: string;
  /** Set by a replay: the dead letters that the elements come from. */
  readonly replayed?: readonly ReplayedLetter[];
  /** Set on what an error output carries: one failure per element, whose payload is the original one. */
  readonly failures?: readonly Failure[];
  /** What failed was text in this field; absent: rows. */
  readonly failedField?: string;
}

/** The payload of one element; shares memory with the batch. */
export function payloadOf(batch: Batch, index: number): Buffer {
  return batch.bytes.subarray(batch.starts[index], batch.ends[index]);
}

/** The total length of the payloads, in bytes. */
export function payloadBytes(batch: Batch): number {
  if (batch.count === 0) return 0;
  if (batch.lines) return (batch.ends[batch.count - 1] ?? 0) - (batch.starts[0] ?? 0) - (batch.count - 1);
  let total = 0;
  for (let i = 0; i < batch.count; i++) total += (batch.ends[i] ?? 0) - (batch.starts[i] ?? 0);
  return total;
}

/** A batch of these payloads, with the columns given. */
export function batchOf(payloads: readonly (string | Buffer)[], columns: BatchColumns = {}): Batch {
  const buffers = payloads.map(payload => (typeof payload === 'string' ? Buffer.from(payload) : payload));
  const starts = new Int32Array(buffers.length);
  const ends = new Int32Array(buffers.length);
  let at = 0;
  for (const [i, buffer] of buffers.entries()) {
    starts[i] = at;
    at += buffer.length;
    ends[i] = at;
  }
  return { count: buffers.length, bytes: Buffer.concat(buffers), starts, ends, ...columns };
}

export type BatchColumns = Pick<
  Batch,
  'times' | 'windows' | 'metadata' | 'origin' | 'original' | 'failures' | 'replayed'
>;

/**
 * The elements at these indices, ascending or not, sharing the bytes of the batch.
 * Their columns go with them; `failures`, one per index, turns them into a batch of an error output.
 */
export function selectElements(batch: Batch, indices: readonly number[], failures?: Failure[]): Batch {
  return {
    count: indices.length,
    bytes: batch.bytes,
    starts: pickIntegers(batch.starts, indices),
    ends: pickIntegers(batch.ends, indices),
    ...columnsAt(indices, batch),
    ...(batch.origin && { origin: batch.origin }),
    ...(failures ? { failures } : batch.failures && { failures: pickAll(batch.failures, indices) }),
    ...(batch.failedField !== undefined && { failedField: batch.failedField }),
  };
}

/**
 * Times, windows, metadata and originals of the elements at these indices: what an element keeps when its payload
 * changes.
 */
export function columnsAt(indices: readonly number[], batch: Batch): BatchColumns {
  const { times, windows, metadata, original } = batch;
  return {
    ...(times && { times: Float64Array.from(indices, i => times[i] ?? Number.NaN) }),
    ...(windows && {
      windows: Float64Array.from(
        indices.flatMap(i => [windows[2 * i] ?? Number.NaN, windows[2 * i + 1] ?? Number.NaN]),
      ),
    }),
    ...(metadata && { metadata: pickAll(metadata, indices) }),
    original: {
      batch: original?.batch ?? batch,
      indices: original ? pickIntegers(original.indices, indices) : Int32Array.from(indices),
    },
  };
}

/** A loop: `Int32Array.from` with a function is many times slower. */
function pickIntegers(table: Int32Array, indices: readonly number[]): Int32Array {
  const picked = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) picked[i] = table[indices[i] ?? 0] ?? 0;
  return picked;
}

/** What element `index` was when a source gave it: the batch, and its place in there. */
export function originalOf(batch: Batch, index: number): { batch: Batch; index: number } {
  const { original } = batch;
  return original ? { batch: original.batch, index: original.indices[index] ?? 0 } : { batch, index };
}

/** Where element `index` came from: `path:offset`, a message id, or undefined. */
export function positionOf(batch: Batch, index: number): string | undefined {
  const { batch: given, index: at } = originalOf(batch, index);
  const letter = given.replayed?.[at];
  if (letter) return letter.position;
  const id = batch.metadata?.[index]?.messageId;
  if (id !== undefined) return id;
  return given.origin && `${given.origin.path}:${given.origin.offset + (given.starts[at] ?? 0)}`;
}

function pickAll<T>(column: readonly T[], indices: readonly number[]): T[] {
  const picked: T[] = [];
  for (const i of indices) {
    const value = column[i];
    if (value !== undefined) picked.push(value);
  }
  return picked;
}
