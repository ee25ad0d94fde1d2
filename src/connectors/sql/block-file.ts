/** The rows of a segment on disk, as they were applied, so that they can be applied again. */
import { open } from 'node:fs/promises';
import { stagedFile } from '../../engine/staged-file.ts';
import { SluiceError, systemCode } from '../../errors.ts';
import type { Block, Lines } from './row-writer.ts';

export interface BlockFile {
  append(head: string, lines: Lines): Promise<void>;
  /** Makes it durable; gives its length. */
  sync(): Promise<number>;
  /** What has been appended so far, in the same pieces. */
  blocks(): AsyncGenerator<Pick<Block, 'head' | 'lines'>>;
}

/** @param length what of the file counts */
export function blockFile(path: string, length: number): BlockFile {
  const file = stagedFile(path, length);
  let end = length;
  return {
    async append(head, { texts, bytes }) {
      if (texts.length === 0) return;
      const header = Buffer.from(`${JSON.stringify({ head, bytes: bytes.length })}\n`);
      end += header.length + bytes.length;
      await file.append(header);
      await file.append(bytes);
    },
    sync: () => file.sync(),
    async *blocks() {
      if (end === 0) return;
      await file.flush();
      yield* readBlocks(path, end);
    },
  };
}

const HEADER_BYTES = 1 << 18;
const NEWLINE = 0x0a;

async function* readBlocks(path: string, end: number): AsyncGenerator<Pick<Block, 'head' | 'lines'>> {
  const file = await open(path, 'r').catch(error => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new SluiceError('CHECKPOINT_UNUSABLE', `${path} is gone, and its rows are not in the database`);
  });
  try {
    for (let at = 0; at < end; ) {
      const start = Buffer.alloc(Math.min(HEADER_BYTES, end - at));
      await file.read(start, 0, start.length, at);
      const cut = start.indexOf(NEWLINE);
      const { head, bytes } = JSON.parse(start.toString('utf8', 0, cut)) as { head: string; bytes: number };
      at += cut + 1;
      const body = Buffer.alloc(bytes);
      await file.read(body, 0, bytes, at);
      at += bytes;
      yield { head, lines: { texts: body.toString('utf8', 0, bytes - 1).split('\n'), bytes: body } };
    }
  } finally {
    await file.close();
  }
}
