/** How the blocks of Avro's files are compressed. */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { createBzip2Decompress, createBzip2Pieces } from '../bzip2.ts';
import { malformed } from './cursor.ts';

/** By the names that files have them under. */
export const avroCodecs = ['null', 'deflate', 'snappy', 'zstandard', 'bzip2'] as const;
export type AvroCodec = (typeof avroCodecs)[number];

/** No block that is written sensibly holds more; one that does is a bomb, or nothing for a machine like this. */
export const MAX_BLOCK_BYTES = 1 << 28;

interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

const LIMIT = { maxOutputLength: MAX_BLOCK_BYTES };
const deflateRaw = promisify(zlib.deflateRaw);
const inflateRaw: (bytes: Buffer, options: zlib.ZlibOptions) => Promise<Buffer> = promisify(zlib.inflateRaw);
const zstdCompress = promisify(zlib.zstdCompress);
const zstdDecompress: (bytes: Buffer, options: zlib.ZstdOptions) => Promise<Buffer> = promisify(
  zlib.zstdDecompress,
);

export async function openCodec(name: AvroCodec): Promise<Codec> {
  switch (name) {
    case 'null':
      return { compress: async bytes => bytes, decompress: async bytes => bytes };
    case 'deflate':
      return { compress: bytes => deflateRaw(bytes), decompress: bytes => inflateRaw(bytes, LIMIT) };
    case 'zstandard':
      return { compress: bytes => zstdCompress(bytes), decompress: bytes => zstdDecompress(bytes, LIMIT) };
    case 'bzip2':
      return { compress: await createBzip2Pieces(), decompress: bunzip };
    case 'snappy':
      return snappy();
  }
}

async function bunzip(bytes: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const stream = createBzip2Decompress();
  stream.end(bytes);
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > MAX_BLOCK_BYTES) throw malformed(`a block holds more than ${MAX_BLOCK_BYTES >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Snappy {
  compress(bytes: Buffer): Buffer;
  uncompress(bytes: Buffer, maxBytes: number): Buffer;
}

/** Avro puts a checksum of what was compressed behind it. */
function snappy(): Codec {
  const { compress, uncompress }: Snappy = createRequire(import.meta.url)('snappyjs');
  return {
    compress: async bytes => {
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32BE(zlib.crc32(bytes));
      return Buffer.concat([compress(bytes), checksum]);
    },
    decompress: async bytes => {
      if (bytes.length < 4) throw malformed('a block lacks its checksum');
      const data = uncompress(bytes.subarray(0, -4), MAX_BLOCK_BYTES);
      if (zlib.crc32(data) !== bytes.readUInt32BE(bytes.length - 4))
        throw malformed('a block does not have its checksum');
      return data;
    },
  };
}
