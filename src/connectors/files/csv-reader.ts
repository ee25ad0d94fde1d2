/** Reads a file of CSV as records, in bounded memory, from any offset at which a record begins. */
import { pipeline, type TransformOptions } from 'node:stream';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { decompressor } from '../../formats/compression.ts';
import { streamInput } from './input.ts';
import { MAX_LINE_BYTES } from './line-reader.ts';
import type { InputFile } from './list.ts';

export interface CsvFormat {
  delimiter: string;
  comment?: string;
}

export interface CsvReader {
  /**
   * At most so many records; none: the file is at its end. Fewer may come before its end, once they take `bytes`;
   * without it those that are at hand will do.
   */
  next(max: number, bytes?: number): Promise<string[][]>;
  /** Where the next record begins, in bytes of the (uncompressed) file. */
  readonly offset: number;
  close(): Promise<void>;
}

/** A chunk is parsed at once, whatever waits to be read: each is read before the next is given. */
const TAKES_ALL: TransformOptions = { readableHighWaterMark: Number.MAX_SAFE_INTEGER };

/** @param from as `offset` gave it */
export async function openCsv(
  file: InputFile,
  { delimiter, comment }: CsvFormat,
  config: Config,
  from = 0,
): Promise<CsvReader> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: from === 0,
    info: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: MAX_LINE_BYTES,
    ...TAKES_ALL,
    ...(comment !== undefined && { comment }),
  });
  let failure: unknown;
  let parsed = () => {};
  parser.on('error', error => {
    failure = error;
    parsed();
  });
  const stop = new AbortController();
  const chunks = chunksOf(file, config, from, stop.signal)[Symbol.asyncIterator]();
  let isOver = false;
  let offset = from;

  /** Gives the parser the next chunk; what it finds there can be read at once. */
  const feed = async () => {
    const { done, value } = await chunks.next();
    isOver = done === true;
    await new Promise<void>(resolve => {
      parsed = resolve;
      if (done) parser.end(parsed);
      else parser.write(value, () => parsed());
    });
  };

  return {
    get offset() {
      return offset;
    },
    async next(max, bytes = 0) {
      const records: string[][] = [];
      const enough = offset + bytes;
      while (records.length < max) {
        const read = parser.read();
        if (read) {
          records.push(read.record);
          offset = from + read.info.bytes;
        } else if (isOver || (records.length > 0 && offset >= enough)) break;
        else
          await feed().catch(error => {
            failure ??= error;
          });
        if (failure) throw unreadable(file, failure);
      }
      return records;
    },
    async close() {
      stop.abort();
      parser.destroy();
      await chunks.return?.(undefined);
    },
  };
}

async function* chunksOf(
  file: InputFile,
  config: Config,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (!file.compression) {
    yield* streamInput(file, config, { start: from, signal });
    return;
  }
  const bytes = decompressor(file.compression);
  // The error reaches the iteration below.
  pipeline(streamInput(file, config, { signal }), bytes, () => {});
  // A compressed file cannot be entered in the middle.
  let skip = from;
  for await (const chunk of bytes) {
    const rest: Buffer = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

function unreadable({ path }: InputFile, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new SluiceError('INPUT_UNREADABLE', `${path} cannot be read as CSV: ${why}`, { cause: error });
}
