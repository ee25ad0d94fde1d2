/** The bytes of an input file, on this machine or in an object store. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { readObject } from '../../cloud/objects/read.ts';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import type { InputFile } from './list.ts';

export const CHUNK_BYTES = 1 << 18;

/** An open file, read at any place; cheapest from front to back. */
export interface InputBytes {
  /** Fills the buffer with what is at `position`, as far as the file goes; gives how many bytes that were. */
  fill(buffer: Buffer, position: number): Promise<number>;
  close(): Promise<void>;
}

/** @throws SluiceError INPUT_UNREADABLE */
export async function openInput(file: InputFile, config: Config): Promise<InputBytes> {
  if (file.version !== undefined) return openObject({ ...file, version: file.version }, config);
  try {
    return localBytes(await open(file.local, 'r'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('INPUT_UNREADABLE', `${file.path} cannot be read: ${why}`, { cause: error });
  }
}

/** All bytes from `start` on, as they are stored; `signal` ends the wait for them. */
export function streamInput(
  file: InputFile,
  config: Config,
  { start = 0, signal }: { start?: number; signal?: AbortSignal } = {},
): AsyncIterable<Buffer> {
  const { local, version } = file;
  if (version !== undefined)
    return readObject({ ...file, version }, config, { start, ...(signal && { signal }) });
  return createReadStream(local, { start, highWaterMark: CHUNK_BYTES });
}

function localBytes(file: FileHandle): InputBytes {
  return {
    async fill(buffer, position) {
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    close: () => file.close(),
  };
}

/** Keeps what it has read beyond the last place asked for, so that going on costs no further request. */
function openObject(file: InputFile & { version: string }, config: Config): InputBytes {
  let kept: Buffer[] = [];
  let start = 0;
  let end = 0;
  let chunks: AsyncGenerator<Buffer> | undefined;
  const stop = new AbortController();

  const goTo = async (position: number) => {
    if (!chunks || position < start || position > end) {
      await chunks?.return(undefined);
      chunks = readObject(file, config, { start: position, signal: stop.signal });
      kept = [];
      start = position;
      end = position;
    }
    for (let first = kept[0]; first && start < position; first = kept[0]) {
      const passed = Math.min(first.length, position - start);
      if (passed === first.length) kept.shift();
      else kept[0] = first.subarray(passed);
      start += passed;
    }
  };

  return {
    async fill(buffer, position) {
      await goTo(position);
      while (chunks && end - start < buffer.length) {
        const { value, done } = await chunks.next();
        if (done) break;
        kept.push(value);
        end += value.length;
      }
      let filled = 0;
      for (const chunk of kept) {
        if (filled >= buffer.length) break;
        filled += chunk.copy(buffer, filled);
      }
      return filled;
    },
    async close() {
      stop.abort();
      await chunks?.return(undefined);
      kept = [];
    },
  };
}
