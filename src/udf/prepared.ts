/** A batch made ready for the child: what of it can be text, where its elements lie, and what they are told. */
import { isAscii, isUtf8 } from 'node:buffer';
import { type Batch, payloadOf, positionOf } from '../engine/batch.ts';
import { FLAG_ASCII, FLAG_CAREFUL, FRAME, HEADER_BYTES, headerOf, padded } from './frames.ts';

/** Bytes that may lie unused between elements before it is cheaper to copy the elements together. */
const MAX_WASTE_BYTES = 64 * 1024;

export interface Prepared {
  count: number;
  /** Index in the original batch of each element, where some were left out. */
  kept?: number[];
  /** Elements that are not valid UTF-8: a function of text cannot have them unharmed. */
  unreadable: number[];
  payload: Buffer;
  ascii: boolean;
  /** Positions in `payload`. */
  starts: Int32Array;
  ends: Int32Array;
  contexts?: object[];
}

export function prepare(batch: Batch, wantsContext: boolean): Prepared {
  const whole = locate(batch);
  const { kept, unreadable } = isText(batch, whole) ? { unreadable: [] } : readable(batch);
  const located = kept ? locate(batch, kept) : whole;
  const count = located.starts.length;
  const contexts = wantsContext
    ? Array.from({ length: count }, (_, i) => contextOf(batch, kept?.[i] ?? i))
    : undefined;
  return { count, ...(kept && { kept }), unreadable, ...located, ...(contexts && { contexts }) };
}

/** The sections of the frame that sends the elements from `from` on. */
export function batchFrame(prepared: Prepared, from: number, careful: boolean): Uint8Array[] {
  const { count, payload, ascii, contexts } = prepared;
  const json = Buffer.from(contexts ? JSON.stringify(from === 0 ? contexts : contexts.slice(from)) : '');
  const starts = bytesOf(prepared.starts.subarray(from, count));
  const ends = bytesOf(prepared.ends.subarray(from, count));
  const header = Buffer.alloc(HEADER_BYTES);
  const sections = [header, starts, ends, payload, json].flatMap(section => [section, padding(section)]);
  headerOf(header).set([
    sections.reduce((total, section) => total + section.length, 0),
    FRAME.batch,
    count - from,
    payload.length,
    json.length,
    (ascii ? FLAG_ASCII : 0) | (careful ? FLAG_CAREFUL : 0),
  ]);
  return sections;
}

const ZEROS = Buffer.alloc(8);
const padding = (section: Uint8Array) => ZEROS.subarray(0, padded(section.length) - section.length);
const bytesOf = (table: Int32Array) => Buffer.from(table.buffer, table.byteOffset, table.byteLength);

type Located = Pick<Prepared, 'payload' | 'starts' | 'ends' | 'ascii'>;

/** True when every element is valid UTF-8; false when they must be looked at one by one. */
function isText(batch: Batch, { ascii, payload }: Located): boolean {
  return ascii || (isUtf8(payload) && !splitsCharacters(batch));
}

/** Which elements are valid UTF-8; `kept` is absent when all are. */
function readable(batch: Batch): Pick<Prepared, 'kept' | 'unreadable'> {
  const kept: number[] = [];
  const unreadable: number[] = [];
  for (let i = 0; i < batch.count; i++) (isUtf8(payloadOf(batch, i)) ? kept : unreadable).push(i);
  return unreadable.length === 0 ? { unreadable } : { kept, unreadable };
}

/** True when an element begins or ends within a character: two broken elements side by side may look whole. */
function splitsCharacters({ bytes, starts, ends, count }: Batch): boolean {
  const within = (at = 0) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  for (let i = 0; i < count; i++) if (within(starts[i]) || within(ends[i])) return true;
  return false;
}

/** The bytes from the first element to the last, or the elements copied together where they lie far apart. */
function locate(batch: Batch, kept?: number[]): Located {
  const count = kept?.length ?? batch.count;
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  let first = batch.bytes.length;
  let last = 0;
  let used = 0;
  for (let i = 0; i < count; i++) {
    const index = kept ? (kept[i] ?? 0) : i;
    const start = batch.starts[index] ?? 0;
    const end = batch.ends[index] ?? 0;
    starts[i] = start;
    ends[i] = end;
    if (start < first) first = start;
    if (end > last) last = end;
    used += end - start;
  }
  if (last - first > 2 * used + MAX_WASTE_BYTES) return copied(batch, starts, ends, used);
  for (let i = 0; i < count; i++) {
    starts[i] = (starts[i] ?? 0) - first;
    ends[i] = (ends[i] ?? 0) - first;
  }
  const payload = batch.bytes.subarray(first, Math.max(first, last));
  return { payload, starts, ends, ascii: isAscii(payload) };
}

function copied(batch: Batch, starts: Int32Array, ends: Int32Array, bytes: number): Located {
  const payload = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (let i = 0; i < starts.length; i++) {
    const length = batch.bytes.copy(payload, at, starts[i], ends[i]);
    starts[i] = at;
    at += length;
    ends[i] = at;
  }
  return { payload, starts, ends, ascii: isAscii(payload) };
}

/** What the function's second parameter tells of an element: only what the element has. */
function contextOf(batch: Batch, index: number): object {
  const { attributes = {}, messageId, publishTime, key } = batch.metadata?.[index] ?? {};
  // JSON leaves out what is undefined.
  return { attributes, position: positionOf(batch, index), messageId, publishTime, key };
}
