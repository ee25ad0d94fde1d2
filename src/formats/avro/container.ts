/** Avro's files: a header with the schema, then blocks of records, each closed by the file's own marker. */
import { SluiceError } from '../../errors.ts';
import type { ByteSource } from '../byte-source.ts';
import { type AvroCodec, avroCodecs, MAX_BLOCK_BYTES, openCodec } from './codecs.ts';
import {
  type Cursor,
  cursorOver,
  malformed,
  readBytes,
  readItems,
  readLength,
  readLong,
  readString,
} from './cursor.ts';
import { createOutput } from './output.ts';

const MAGIC = Buffer.from('Obj\x01', 'latin1');
const MARKER_BYTES = 16;
const MAX_HEADER_BYTES = 1 << 24;
/** The two numbers that a block begins with, and the marker it ends with. */
const FRAME_BYTES = 20;

export interface AvroHeader {
  /** JSON. */
  schema: string;
  codec: AvroCodec;
  marker: Buffer;
  /** Where the first block begins. */
  bytes: number;
}

export interface AvroBlock {
  count: number;
  bytes: Buffer;
  /** Where the next block begins. */
  next: number;
}

/** The header as a file has it. @param marker 16 bytes that no other file should have */
export function writeHeader(schema: string, codec: AvroCodec, marker: Buffer): Buffer {
  const output = createOutput();
  output.bytes(MAGIC);
  output.long(2);
  output.text('avro.schema');
  output.text(schema);
  output.text('avro.codec');
  output.text(codec);
  output.long(0);
  output.bytes(marker);
  return output.take();
}

/** A function that makes a block of records that lie side by side. */
export async function blockWriter(
  codec: AvroCodec,
  marker: Buffer,
): Promise<(records: Buffer, count: number) => Promise<Buffer>> {
  const { compress } = await openCodec(codec);
  return async (records, count) => {
    const bytes = await compress(records);
    const frame = createOutput();
    frame.long(count);
    frame.long(bytes.length);
    return Buffer.concat([frame.take(), bytes, marker]);
  };
}

/** @throws SluiceError INPUT_UNREADABLE */
export async function readHeader(file: ByteSource): Promise<AvroHeader> {
  for (let length = 1 << 16; ; length *= 8) {
    const bytes = await file.read(0, Math.min(length, file.size));
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw malformed('it is no file of Avro');
    try {
      return parseHeader(cursorOver(bytes, MAGIC.length));
    } catch (error) {
      // More of it may be to come.
      if (length >= file.size || length >= MAX_HEADER_BYTES) throw error;
    }
  }
}

function parseHeader(cursor: Cursor): AvroHeader {
  const entries = new Map<string, Buffer>();
  readItems(cursor, 2, () => entries.set(readString(cursor), readBytes(cursor, readLength(cursor))));
  const marker = Buffer.from(readBytes(cursor, MARKER_BYTES));
  const name = entries.get('avro.codec')?.toString() ?? 'null';
  const codec = avroCodecs.find(each => each === name);
  if (!codec) throw malformed(`its blocks are compressed with ${name}; there are ${avroCodecs.join(', ')}`);
  return { schema: entries.get('avro.schema')?.toString() ?? '', codec, marker, bytes: cursor.at };
}

/** A function that reads the block at an offset; undefined at the end of the file. */
export async function blockReader(
  file: ByteSource,
  { codec, marker }: AvroHeader,
): Promise<(at: number) => Promise<AvroBlock | undefined>> {
  const { decompress } = await openCodec(codec);
  return async at => {
    if (at >= file.size) return undefined;
    const frame = cursorOver(await file.read(at, Math.min(FRAME_BYTES, file.size - at)));
    const count = Number(readLong(frame));
    const size = Number(readLong(frame));
    const begin = at + frame.at;
    if (!(count >= 0 && size >= 0)) throw malformed('a block has a negative length');
    if (size > MAX_BLOCK_BYTES) throw malformed(`a block has more than ${MAX_BLOCK_BYTES >> 20} MiB`);
    if (begin + size + MARKER_BYTES > file.size) throw malformed('the file ends within a block');
    const whole = await file.read(begin, size + MARKER_BYTES);
    if (!whole.subarray(size).equals(marker))
      throw malformed('a block does not end with the marker of the file');
    const bytes = await decompress(whole.subarray(0, size)).catch((error: unknown) => {
      if (error instanceof SluiceError) throw error;
      throw malformed(`a block cannot be decompressed: ${error instanceof Error ? error.message : error}`);
    });
    return { count, bytes, next: begin + size + MARKER_BYTES };
  };
}
