/** The lines of a file, whatever it holds: a line that is too long is told and passed over, and the next one follows. */
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { plainBytes } from '../engine/plain-file.ts';
import { type Compression, decompressor } from '../formats/compression.ts';

/** A line, or what is wrong where one should be; `offset` is in the (uncompressed) file. */
export type FileLine = { offset: number } & ({ line: Buffer } | { fault: string });

export const MAX_LETTER_BYTES = 1 << 28;
export const CHUNK_BYTES = 1 << 18;
const NEWLINE = 0x0a;

/** Reads up to `end` bytes, or to the end of the file. A file that cannot be read to its end gives a last fault. */
export async function* linesOf(
  file: string | AsyncIterable<Buffer>,
  {
    compression,
    end = Number.POSITIVE_INFINITY,
    maxBytes = MAX_LETTER_BYTES,
  }: { compression?: Compression; end?: number; maxBytes?: number } = {},
): AsyncGenerator<FileLine> {
  let offset = 0;
  let start = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const take = (tail: Buffer): FileLine => {
    const length = offset - start;
    const line =
      length > maxBytes
        ? { offset: start, fault: `it is longer than ${maxBytes} bytes` }
        : { offset: start, line: Buffer.concat([...pending, tail]) };
    pending = [];
    pendingBytes = 0;
    return line;
  };
  try {
    for await (const chunk of chunksOf(file, compression)) {
      for (let at = 0; at < chunk.length; ) {
        if (start >= end) return;
        const newline = chunk.indexOf(NEWLINE, at);
        const part = chunk.subarray(at, newline < 0 ? chunk.length : newline);
        offset += part.length;
        at += part.length + 1;
        if (newline < 0) {
          pendingBytes += part.length;
          // Of a line that is too long only its length is of interest.
          if (pendingBytes <= maxBytes) pending.push(Buffer.from(part));
          else pending = [];
          continue;
        }
        yield take(part);
        start = ++offset;
      }
    }
    if (offset > start && start < end) yield take(Buffer.alloc(0));
  } catch (error) {
    yield { offset, fault: `the file cannot be read on: ${error instanceof Error ? error.message : error}` };
  }
}

function chunksOf(file: string | AsyncIterable<Buffer>, compression?: Compression): AsyncIterable<Buffer> {
  const bytes = typeof file === 'string' ? plainBytes(dirname(file), [basename(file)], CHUNK_BYTES) : file;
  // The error reaches whoever iterates.
  return compression ? pipeline(bytes, decompressor(compression), () => {}) : bytes;
}
