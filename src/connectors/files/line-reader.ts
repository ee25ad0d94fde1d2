/** Reads a share of a file as batches of lines, in bounded memory, from any offset at which a line begins. */
import { pipeline } from 'node:stream';
import type { Config } from '../../config.ts';
import type { Batch } from '../../engine/batch.ts';
import { SluiceError } from '../../errors.ts';
import { type Compression, decompressor } from '../../formats/compression.ts';
import { splitLines } from '../../formats/lines.ts';
import { CHUNK_BYTES, type InputBytes, openInput, streamInput } from './input.ts';
import type { FileRange } from './list.ts';

export interface LineReader {
  /** The next lines, or undefined at the end of the share. */
  next(): Promise<Batch | undefined>;
  /** Where the next line begins, in bytes of the (uncompressed) file. */
  readonly offset: number;
  close(): Promise<void>;
}

/** The longest line; a longer one fails the job, since no sandbox or service would take it. */
export const MAX_LINE_BYTES = 1 << 28;

const NEWLINE = 0x0a;

/** Opens a share. @param offset where to go on, as `LineReader.offset` gave it; absent: at the beginning */
export async function openLines(range: FileRange, config: Config, offset?: number): Promise<LineReader> {
  if (range.compression) return compressedLines(range, range.compression, config, offset ?? 0);
  const file = await openInput(range, config);
  return plainLines(range, file, offset ?? (await firstLine(range, file)));
}

function plainLines(range: FileRange, file: InputBytes, from: number): LineReader {
  let offset = from;

  /** Bytes from `offset` up to the end of a line: at most `size`, unless the first line is longer. */
  const readWholeLines = async (size: number): Promise<Buffer> => {
    // One byte more, so that a last line without a newline can be given one.
    const chunk = Buffer.allocUnsafeSlow(Math.min(size, range.size - offset) + 1);
    const filled = await file.fill(chunk.subarray(0, -1), offset);
    if (filled === 0) return chunk.subarray(0, 0);
    const cut = endOfLines(chunk.subarray(0, filled), range.end - offset);
    if (cut > 0) return chunk.subarray(0, cut);
    if (offset + filled >= range.size || filled < chunk.length - 1) {
      chunk[filled] = NEWLINE;
      return chunk.subarray(0, filled + 1);
    }
    if (size >= MAX_LINE_BYTES) throw tooLong(range, offset);
    return readWholeLines(size * 4);
  };

  return {
    get offset() {
      return offset;
    },
    async next() {
      if (offset >= range.end) return undefined;
      const bytes = await readWholeLines(CHUNK_BYTES).catch(error => {
        throw unreadable(range, error);
      });
      if (bytes.length === 0) return undefined;
      const batch = splitLines(bytes, { path: range.path, offset });
      offset += bytes.length;
      return batch;
    },
    close: () => file.close(),
  };
}

/** Length of the whole lines in `chunk` that begin before `limit`; 0 when its first line does not end in it. */
function endOfLines(chunk: Buffer, limit: number): number {
  if (limit > chunk.length) return chunk.lastIndexOf(NEWLINE) + 1;
  return chunk.indexOf(NEWLINE, limit - 1) + 1 || chunk.lastIndexOf(NEWLINE) + 1;
}

/** Offset of the first line that begins in the share. */
async function firstLine(range: FileRange, file: InputBytes): Promise<number> {
  if (range.start === 0) return 0;
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let at = range.start - 1; at < range.end; at += chunk.length) {
    const filled = await file.fill(chunk, at);
    const newline = chunk.subarray(0, filled).indexOf(NEWLINE);
    if (newline >= 0) return at + newline + 1;
    if (filled < chunk.length) break;
  }
  return range.end;
}

/** A compressed file cannot be entered in the middle: what comes before `from` is decompressed and skipped. */
function compressedLines(
  range: FileRange,
  compression: Compression,
  config: Config,
  from: number,
): LineReader {
  let offset = from;
  let skip = from;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const bytes = decompressor(compression);
  const stop = new AbortController();
  // The error reaches the iteration below.
  pipeline(streamInput(range, config, { signal: stop.signal }), bytes, () => {});
  const chunks = bytes[Symbol.asyncIterator]();

  const take = (tail: Buffer): Batch => {
    const bytes = Buffer.concat([...pending, tail]);
    const batch = splitLines(bytes, { path: range.path, offset });
    offset += bytes.length;
    pending = [];
    pendingBytes = 0;
    return batch;
  };
  const keep = (rest: Buffer) => {
    if (rest.length === 0) return;
    pending.push(rest);
    pendingBytes += rest.length;
    if (pendingBytes > MAX_LINE_BYTES) throw tooLong(range, offset);
  };

  return {
    get offset() {
      return offset;
    },
    async next() {
      for (;;) {
        const read = await chunks.next().catch(error => {
          throw unreadable(range, error);
        });
        if (read.done) return pendingBytes === 0 ? undefined : take(Buffer.of(NEWLINE));
        const chunk: Buffer = read.value.subarray(Math.min(skip, read.value.length));
        skip -= read.value.length - chunk.length;
        const cut = chunk.lastIndexOf(NEWLINE) + 1;
        if (cut === 0) keep(chunk);
        else {
          const batch = take(chunk.subarray(0, cut));
          keep(chunk.subarray(cut));
          return batch;
        }
      }
    },
    async close() {
      stop.abort();
      bytes.destroy();
    },
  };
}

function unreadable(range: FileRange, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new SluiceError('INPUT_UNREADABLE', `${range.path} cannot be read: ${why}`, { cause: error });
}

function tooLong(range: FileRange, offset: number): SluiceError {
  return new SluiceError(
    'ELEMENT_TOO_LARGE',
    `${range.path}:${offset}: the line is longer than ${MAX_LINE_BYTES >> 20} MiB`,
  );
}
