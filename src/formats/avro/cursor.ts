/** Reads Avro's primitives from bytes that nobody vouches for: never past their end, and never more than there can be. */
import { SluiceError } from '../../errors.ts';

/** Elements that take no bytes at all, such as nulls: a list of them could claim any number. */
const MAX_EMPTY_ITEMS = 1_000_000;
/** Types that hold themselves could go on for ever. */
const MAX_DEPTH = 100;

export interface Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  depth: number;
  empty: number;
}

export const cursorOver = (bytes: Buffer, at = 0, end = bytes.length): Cursor => ({
  bytes,
  at,
  end,
  depth: 0,
  empty: 0,
});

/** What is wrong with the bytes; whoever reads them says where they come from. */
export const malformed = (why: string): SluiceError => new SluiceError('INPUT_UNREADABLE', why);

export function readInt(cursor: Cursor): number {
  const value = readLong(cursor);
  if (typeof value === 'number' && value === (value | 0)) return value;
  throw malformed(`${value} is no integer of 32 bits`);
}

/** A bigint only where a double does not hold the number. */
export function readLong(cursor: Cursor): number | bigint {
  const { bytes, end } = cursor;
  let { at } = cursor;
  let value = 0;
  let factor = 1;
  // Seven bits a byte: 49 bits fit a double with room to spare.
  for (let i = 0; i < 7; i++) {
    if (at >= end) throw malformed('the data ends within a number');
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) {
      cursor.at = at;
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    factor *= 128;
  }
  return readLongest(cursor);
}

function readLongest(cursor: Cursor): number | bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (cursor.at >= cursor.end) throw malformed('the data ends within a number');
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    const long = BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    const double = Number(long);
    return Number.isSafeInteger(double) ? double : long;
  }
  throw malformed('a number has more than 64 bits');
}

/** A length or a count: not negative, and no more than there are bytes. */
export function readLength(cursor: Cursor): number {
  const length = readLong(cursor);
  if (typeof length === 'number' && length >= 0 && length <= cursor.end - cursor.at) return length;
  throw malformed(`a length of ${length} bytes is more than there are`);
}

export function readBytes(cursor: Cursor, length: number): Buffer {
  if (length > cursor.end - cursor.at) throw malformed('the data ends within a value');
  const bytes = cursor.bytes.subarray(cursor.at, cursor.at + length);
  cursor.at += length;
  return bytes;
}

export function readString(cursor: Cursor): string {
  const length = readLength(cursor);
  const { bytes, at } = cursor;
  cursor.at += length;
  return bytes.toString('utf8', at, at + length);
}

/** Reads the blocks of a list or a map. @param least bytes that each item takes at least */
export function readItems(cursor: Cursor, least: number, readOne: () => void): void {
  if (++cursor.depth > MAX_DEPTH) throw malformed(`a value is nested deeper than ${MAX_DEPTH}`);
  for (;;) {
    let count = Number(readLong(cursor));
    if (count === 0) break;
    if (count < 0) {
      count = -count;
      readLong(cursor);
    }
    requireRoom(cursor, count, least);
    for (let i = 0; i < count; i++) readOne();
  }
  cursor.depth--;
}

/** Refuses a count of items that the bytes cannot hold. */
export function requireRoom(cursor: Cursor, count: number, least: number): void {
  if (least === 0) cursor.empty += count;
  if (count * least > cursor.end - cursor.at || cursor.empty > MAX_EMPTY_ITEMS)
    throw malformed(`a count of ${count} is more than there can be`);
}

export function enter(cursor: Cursor): void {
  if (++cursor.depth > MAX_DEPTH) throw malformed(`a value is nested deeper than ${MAX_DEPTH}`);
}
