/** Bytes that can be read from anywhere: what readers of container formats need of a file or an object. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

export interface ByteSource {
  readonly size: number;
  /** Exactly these bytes. */
  read(start: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

const CHUNK_BYTES = 1 << 18;

/** The bytes of a local file; small reads side by side are one read. */
export async function openByteSource(path: string): Promise<ByteSource> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return readAhead({
    size,
    read: (start, length) => readFully(file, start, length),
    close: () => file.close(),
  });
}

/** Reads at least a good piece at a time. */
export function readAhead(source: ByteSource): ByteSource {
  const { size } = source;
  let chunk: Buffer = Buffer.alloc(0);
  let chunkStart = 0;
  return {
    ...source,
    async read(start, length) {
      if (start < chunkStart || start + length > chunkStart + chunk.length) {
        chunk = await source.read(start, Math.min(Math.max(length, CHUNK_BYTES), size - start));
        chunkStart = start;
      }
      return chunk.subarray(start - chunkStart, start - chunkStart + length);
    },
  };
}

async function readFully(file: FileHandle, start: number, length: number): Promise<Buffer> {
  // Not of the pool: parts of it may be kept for long.
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) throw new Error('the file has become shorter');
    filled += bytesRead;
  }
  return bytes;
}
