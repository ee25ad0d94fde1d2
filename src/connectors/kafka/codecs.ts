/** The compressions of record batches. */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';

export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/** What a record batch may come to: a few bytes can claim to be gigabytes. */
const MAX_BYTES = 256 << 20;

/** How snappy-java, which Kafka's own client uses, frames its blocks. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER = 16;

const require = createRequire(import.meta.url);
const zip = promisify(gzip);
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

/** The records of a batch as they are sent, and the number that its head has for the compression. */
export async function compress(
  compression: Compression,
  bytes: Buffer,
): Promise<{ codec: number; body: Buffer }> {
  const codec = compressions.indexOf(compression);
  if (compression === 'none') return { codec, body: bytes };
  if (compression === 'gzip') return { codec, body: await zip(bytes) };
  if (compression === 'snappy') return { codec, body: snappy().compress(bytes) };
  if (compression === 'lz4') return { codec, body: await lz4().compressFrame(bytes) };
  return { codec, body: await zstd(bytes) };
}

/** The records of a batch as they were before. @param codec the number of the compression */
export async function decompress(codec: number, bytes: Buffer): Promise<Buffer> {
  const compression = compressions[codec];
  if (compression === 'none') return bytes;
  if (compression === 'gzip') return unzip(bytes, { maxOutputLength: MAX_BYTES });
  if (compression === 'snappy') return unsnap(bytes);
  if (compression === 'lz4') return lz4().decompressFrame(bytes);
  if (compression === 'zstd') return unzstd(bytes, { maxOutputLength: MAX_BYTES });
  throw new Error(`there is no compression of number ${codec}`);
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
