/** A file being written where no reader looks: appended to, made durable at checkpoints, cut back after a crash. */
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { SluiceError, systemCode } from '../errors.ts';

const FLUSH_BYTES = 4 << 20;

/** What was appended at once; `count`: of how many elements it is, 0 for what is none of them. */
export interface Piece {
  bytes: Buffer;
  count: number;
}

/** Makes what is written of pieces: it may be followed by others, and be cut off behind it. */
export type Pack = (pieces: readonly Piece[]) => Promise<Buffer[]>;

/** Holds no file open between writes, so that a job may have any number of windows under way. */
export interface StagedFile {
  readonly path: string;
  readonly pendingBytes: number;
  /** Takes the bytes; they are the file's from now on. */
  append(bytes: Buffer, count?: number): Promise<void>;
  flush(): Promise<void>;
  /** Makes everything appended so far durable; gives the file's length. */
  sync(): Promise<number>;
}

/**
 * A staged file of `length` bytes (0: new), which may be cut at any length that `sync` gave. With `pack` it consists of
 * what that makes of the pieces between two flushes: members of gzip, blocks of Avro.
 */
export function stagedFile(path: string, length: number, pack?: Pack): StagedFile {
  let end = length;
  let synced = length;
  let pending: Piece[] = [];
  let pendingBytes = 0;
  let writing: Promise<void> = Promise.resolve();
  let writingBytes = 0;

  const withFile = async (use: (file: FileHandle) => Promise<void>) => {
    const file = await open(path, end === 0 ? 'w' : 'r+');
    try {
      await use(file);
    } finally {
      await file.close();
    }
  };
  const writePending = async () => {
    if (pendingBytes === 0) return;
    const pieces = pending;
    const bytes = pendingBytes;
    pending = [];
    pendingBytes = 0;
    writingBytes = bytes;
    const chunks = pack ? await pack(pieces) : pieces.map(piece => piece.bytes);
    await withFile(async file => {
      const written = await writeAll(file, chunks, end);
      end += written;
    });
    writingBytes = 0;
  };
  const flush = (): Promise<void> => {
    writing = writing.then(writePending);
    // Who appends next, flushes or syncs is told.
    writing.catch(() => {});
    return writing;
  };

  return {
    path,
    get pendingBytes() {
      return pendingBytes + writingBytes;
    },
    async append(bytes, count = 0) {
      pending.push({ bytes, count });
      pendingBytes += bytes.length;
      if (pendingBytes < FLUSH_BYTES) return;
      // While these are written, as many may gather.
      const before = writing;
      void flush();
      await before;
    },
    flush,
    async sync() {
      await flush();
      if (end > synced) await withFile(file => file.datasync());
      synced = end;
      return end;
    },
  };
}

/** Cuts a staged file back to the length a checkpoint knows. @throws SluiceError CHECKPOINT_UNUSABLE if it lost bytes */
export async function cutBack(path: string, length: number): Promise<void> {
  const file = await open(path, 'r+').catch(error => {
    throw systemCode(error) === 'ENOENT' ? lost(path, length) : error;
  });
  try {
    if ((await file.stat()).size < length) throw lost(path, length);
  } finally {
    await file.close();
  }
  await truncate(path, length);
}

function lost(path: string, length: number): SluiceError {
  return new SluiceError(
    'CHECKPOINT_UNUSABLE',
    `${path} no longer holds the ${length} bytes the checkpoint knows of`,
  );
}

async function writeAll(file: FileHandle, chunks: Buffer[], position: number): Promise<number> {
  const { bytesWritten } = await file.writev(chunks, position);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytesWritten === length) return length;
  // The system took a part only: a full disk says so at the next attempt.
  const rest = Buffer.concat(chunks).subarray(bytesWritten);
  return bytesWritten + (await writeAll(file, [rest], position + bytesWritten));
}
