/** Lines of text: bytes to batches and back. Only byte 0x0A ends a line; a 0x0D before it belongs to the ending. */
import { type Batch, type Origin, payloadOf } from '../engine/batch.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * The lines in `bytes`, which ends with a newline, as a batch that shares it.
 * @param origin where byte 0 comes from
 */
export function splitLines(bytes: Buffer, origin?: Origin): Batch {
  let capacity = Math.max(16, bytes.length >> 7);
  let starts = new Int32Array(capacity);
  let ends = new Int32Array(capacity);
  let count = 0;
  let returns = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (count === capacity) {
      capacity *= 2;
      starts = grown(starts, capacity);
      ends = grown(ends, capacity);
    }
    const end = newline > start && bytes[newline - 1] === RETURN ? newline - 1 : newline;
    if (end < newline) returns++;
    starts[count] = start;
    ends[count++] = end;
    start = newline + 1;
  }
  return { count, bytes, starts, ends, lines: returns === 0, ...(origin && { origin }) };
}

/** The elements of a batch as lines, each followed by a newline; shares the batch's memory where it can. */
export function joinLines(batch: Batch): Buffer {
  const { count, bytes, starts, ends } = batch;
  if (count === 0) return Buffer.alloc(0);
  if (batch.lines) return bytes.subarray(starts[0], (ends[count - 1] ?? 0) + 1);
  let length = count;
  for (let i = 0; i < count; i++) length += (ends[i] ?? 0) - (starts[i] ?? 0);
  const joined = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (let i = 0; i < count; i++) {
    at += payloadOf(batch, i).copy(joined, at);
    joined[at++] = NEWLINE;
  }
  return joined;
}

function grown(table: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(table);
  return larger;
}
