/**
 * Files that somebody has written who may mean harm, e.g. a container in its folder: they are opened so that no link,
 * pipe or device in their place leads elsewhere or keeps us waiting, and only up to a size.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError, systemCode } from '../errors.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;

/**
 * Opens a regular file for reading; undefined when there is none.
 * @throws SluiceError WORKER_FAULTY when something else is in its place, or it is larger
 */
export async function openPlain(
  path: string,
  maxBytes = Number.POSITIVE_INFINITY,
  shown = path,
): Promise<FileHandle | undefined> {
  const file = await openUnfollowed(path, 0, shown);
  if (!file) return undefined;
  const stats = await file.stat();
  if (stats.isFile() && stats.size <= maxBytes) return file;
  await file.close();
  throw stats.isFile() ? tooLarge(shown, maxBytes) : notPlain(shown, 'a regular file');
}

/**
 * The same for a file some folders below one of ours, where those in between may be links too. What is swapped while we
 * look is noticed on Linux only.
 * @throws SluiceError WORKER_FAULTY
 */
export async function openBelow(
  folder: string,
  names: readonly string[],
  maxBytes?: number,
): Promise<FileHandle | undefined> {
  let at = folder;
  let above: FileHandle | undefined;
  try {
    for (const name of names.slice(0, -1)) {
      at = join(at, name);
      const next = await openUnfollowed(within(above, at, name), O_DIRECTORY, at);
      if (!next) return undefined;
      await above?.close();
      above = next;
    }
    const name = names.at(-1) ?? '';
    at = join(at, name);
    return await openPlain(within(above, at, name), maxBytes, at);
  } finally {
    await above?.close();
  }
}

/** Its text; undefined when there is no such file. @throws SluiceError WORKER_FAULTY */
export async function readPlain(path: string, maxBytes?: number): Promise<string | undefined> {
  const file = await openPlain(path, maxBytes);
  if (!file) return undefined;
  try {
    const chunks: Buffer[] = [];
    // It may grow while it is read.
    const end = maxBytes === undefined ? undefined : maxBytes - 1;
    for await (const chunk of file.createReadStream({ autoClose: false, ...(end !== undefined && { end }) }))
      chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } finally {
    await file.close();
  }
}

/** Its bytes, read as they are asked for. @throws SluiceError WORKER_FAULTY, and what the system says when it is not there */
export async function* plainBytes(
  folder: string,
  names: readonly string[],
  chunkBytes: number,
): AsyncGenerator<Buffer> {
  const file = await openBelow(folder, names);
  if (!file) throw new SluiceError('INPUT_NOT_FOUND', `${lastOf(join(folder, ...names))} is not there`);
  yield* file.createReadStream({ highWaterMark: chunkBytes });
}

/** By way of the open folder, whatever has come to lie at its path. */
const within = (folder: FileHandle | undefined, path: string, name: string): string =>
  folder && process.platform === 'linux' ? `/proc/self/fd/${folder.fd}/${name}` : path;

async function openUnfollowed(path: string, flags: number, shown: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | flags);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (isOutOfPlace(code)) throw notPlain(shown, flags ? 'a folder' : 'a regular file');
    throw error;
  }
}

/** What the system says of a link, a socket, a file in place of a folder, and what may not be opened. */
const isOutOfPlace = (code: string | undefined): boolean =>
  code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO' || code === 'ENOTDIR' || code === 'EACCES';

const notPlain = (path: string, what: string): SluiceError =>
  new SluiceError('WORKER_FAULTY', `${lastOf(path)} is not ${what}`);

const tooLarge = (path: string, maxBytes: number): SluiceError =>
  new SluiceError('WORKER_FAULTY', `${lastOf(path)} has more than ${maxBytes} bytes`);

/** Its place in the folder of the job: where that lies concerns nobody. */
const lastOf = (path: string): string => path.split('/').slice(-3).join('/');
