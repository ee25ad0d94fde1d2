/** Compression of whole files: by which name, read as a stream, and written as a stream or piece by piece. */
import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { createBzip2Compress, createBzip2Decompress, createBzip2Pieces } from './bzip2.ts';

export const compressions = ['gzip', 'deflate', 'zstd', 'bzip2'] as const;
export type Compression = (typeof compressions)[number];

/** Those whose files may consist of several that were compressed apart, as `pieceCompressor` makes them. */
export const pieceCompressions = ['gzip', 'zstd', 'bzip2'] as const;
export type PieceCompression = (typeof pieceCompressions)[number];

const EXTENSIONS: Record<Compression, readonly string[]> = {
  gzip: ['.gz', '.gzip'],
  deflate: ['.deflate'],
  zstd: ['.zst', '.zstd'],
  bzip2: ['.bz2', '.bzip2'],
};

/** What a file of this name is compressed with; undefined: not at all. */
export function compressionOf(name: string): Compression | undefined {
  return compressions.find(each => EXTENSIONS[each].some(extension => name.endsWith(extension)));
}

/** How the name of a file that is compressed so ends. */
export const extensionOf = (compression: Compression): string => EXTENSIONS[compression][0] ?? '';

const CHUNK_BYTES = 1 << 18;

/** A stream that gives what the bytes written to it were before; it fails on what is broken off or no such data. */
export function decompressor(compression: Compression): Transform {
  if (compression === 'gzip') return zlib.createGunzip({ chunkSize: CHUNK_BYTES });
  if (compression === 'zstd') return zlib.createZstdDecompress({ chunkSize: CHUNK_BYTES });
  if (compression === 'deflate') return zlib.createInflate({ chunkSize: CHUNK_BYTES });
  return createBzip2Decompress();
}

/** A stream that compresses. */
export function compressor(compression: Compression): Transform {
  if (compression === 'gzip') return zlib.createGzip({ chunkSize: CHUNK_BYTES });
  if (compression === 'zstd') return zlib.createZstdCompress({ chunkSize: CHUNK_BYTES });
  if (compression === 'deflate') return zlib.createDeflate({ chunkSize: CHUNK_BYTES });
  return createBzip2Compress();
}

const gzip = promisify(zlib.gzip);
const zstd = promisify(zlib.zstdCompress);

/** Gives the function that compresses a piece of a file: pieces side by side are the file. */
export async function pieceCompressor(
  compression: PieceCompression,
): Promise<(bytes: Buffer) => Promise<Buffer>> {
  if (compression === 'gzip') return bytes => gzip(bytes);
  if (compression === 'zstd') return bytes => zstd(bytes);
  return createBzip2Pieces();
}
