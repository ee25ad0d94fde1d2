/** The codecs of record batches that kafkajs does not bring along. */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, zstdCompress, zstdDecompress } from 'node:zlib';

/** What a record batch may come to: a few bytes can claim to be gigabytes. */
const MAX_BYTES = 256 << 20;

/** The codecs by their number in the attributes of a record batch. */
const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

/** How snappy-java, which Kafka's own client uses, frames its blocks. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER = 16;

const require = createRequire(import.meta.url);
const unzip = promisify(gunzip);
const zstd = promisify(zstdCompress);
const unzstd = promisify(zstdDecompress);

interface Snappy {
  compress(bytes: Buffer): Buffer;
  uncompress(bytes: Buffer, maxLength: number): Buffer;
}

interface Lz4 {
  compressFrame(bytes: Buffer): Promise<Buffer>;
  decompressFrame(bytes: Buffer): Promise<Buffer>;
}

const snappy = (): Snappy => require('snappyjs');
const lz4 = (): Lz4 => require('lz4-napi');

/** The records of a batch as they were before compression. @param codec its number; 0 is none */
export async function decompress(codec: number, bytes: Buffer): Promise<Buffer> {
  if (codec === 0) return bytes;
  if (codec === GZIP) return unzip(bytes, { maxOutputLength: MAX_BYTES });
  if (codec === SNAPPY) return unsnap(bytes);
  if (codec === LZ4) return lz4().decompressFrame(bytes);
  if (codec === ZSTD) return unzstd(bytes, { maxOutputLength: MAX_BYTES });
  throw new Error(`there is no compression of number ${codec}`);
}

/** Tells kafkajs the codecs, for what it writes. */
export function installCodecs(
  codecs: Record<number, unknown>,
  types: { Snappy: number; LZ4: number; ZSTD: number },
): void {
  const codec = (number: number, compress: (bytes: Buffer) => Buffer | Promise<Buffer>) => () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => compress(buffer),
    decompress: async (bytes: Buffer) => decompress(number, bytes),
  });
  codecs[types.Snappy] = codec(SNAPPY, bytes => snappy().compress(bytes));
  codecs[types.LZ4] = codec(LZ4, bytes => lz4().compressFrame(bytes));
  codecs[types.ZSTD] = codec(ZSTD, bytes => zstd(bytes));
}

function unsnap(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return snappy().uncompress(bytes, MAX_BYTES);
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER; at < bytes.length; ) {
    const length = bytes.readInt32BE(at);
    const block = snappy().uncompress(bytes.subarray(at + 4, at + 4 + length), MAX_BYTES - total);
    total += block.length;
    blocks.push(block);
    at += 4 + Math.max(0, length);
  }
  return Buffer.concat(blocks);
}
