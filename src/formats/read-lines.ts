/** Reads a file of lines that the job made itself, from any offset at which a line begins. */
import { open } from 'node:fs/promises';
import type { Batch } from '../engine/batch.ts';
import { splitLines } from './lines.ts';

export interface Lines {
  /** The next lines; undefined at the end. */
  next(): Promise<Batch | undefined>;
  readonly offset: number;
  close(): Promise<void>;
}

const CHUNK_BYTES = 1 << 18;
const NEWLINE = 0x0a;

/** @param size length of the file, which ends with a newline; absent: what it has; 0: there need be no file */
export async function readLines(path: string, from: number, length?: number): Promise<Lines> {
  const file = length === 0 ? undefined : await open(path, 'r');
  const size = length ?? (await file?.stat())?.size ?? 0;
  let offset = from;
  return {
    get offset() {
      return offset;
    },
    async next() {
      if (!file || offset >= size) return undefined;
      for (let length = CHUNK_BYTES; ; length *= 4) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(length, size - offset));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
        const cut = chunk.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
        if (cut === 0 && offset + bytesRead < size) continue;
        const lines = splitLines(chunk.subarray(0, cut));
        offset = cut === 0 ? size : offset + cut;
        return lines.count > 0 ? lines : undefined;
      }
    },
    close: async () => file?.close(),
  };
}
