/** Finds the files an input pattern stands for, and shares them out among workers. */
import { glob, stat } from 'node:fs/promises';
import { findObjects } from '../../cloud/objects/find.ts';
import { isObject } from '../../cloud/objects/locate.ts';
import { checkBucket, statObject } from '../../cloud/objects/objects.ts';
import { requireModestPattern } from '../../cloud/patterns.ts';
import { displayPath, localPath, requireReachable } from '../../cloud/storage.ts';
import type { Config } from '../../config.ts';
import { SluiceError, systemCode } from '../../errors.ts';
import { type Compression, compressionOf, compressions } from '../../formats/compression.ts';

export interface InputFile {
  /** As the user names it. */
  path: string;
  /** Where it lies on this machine; its path for an object, which has a version instead. */
  local: string;
  size: number;
  /** What it is compressed with; absent: it is not. */
  compression?: Compression;
  /** Of an object: no other is read under its name. */
  version?: string;
  /** When it last changed, ms since the epoch. */
  modifiedMs: number;
}

/** A share of a file: the lines that begin in `[start, end)`. */
export interface FileRange extends InputFile {
  start: number;
  end: number;
}

/** What is still to be read of a share; a compressed file is all there until its end, for its offsets are not those of the file. */
export function bytesLeft(range: FileRange | undefined, offset?: number): number {
  if (!range) return 0;
  const from = range.compression ? range.start : Math.max(range.start, offset ?? range.start);
  return Math.max(0, range.end - from);
}

export const inputCompressions = ['auto', ...compressions, 'uncompressed'] as const;
export type InputCompression = (typeof inputCompressions)[number];

const PATTERN = /[*?[\]{}]/;
/** Splitting smaller files costs more than it gives. */
const MIN_RANGE_BYTES = 1 << 20;

/** The files that match, by name. @throws SluiceError INPUT_NOT_FOUND, INPUT_UNREADABLE */
export async function listFiles(
  pattern: string,
  compression: InputCompression,
  config: Config,
): Promise<InputFile[]> {
  if (isObject(pattern, config)) return listObjects(pattern, compression, config);
  const local = localPath(pattern, config);
  requireModestPattern(local);
  const found = (await exists(local)) || !PATTERN.test(local) ? [local] : await Array.fromAsync(glob(local));
  const files: InputFile[] = [];
  for (const path of found.sort()) {
    if (path.includes('/.sluice-')) continue;
    if (path !== local) requireReachable(path, displayPath(path, pattern, config), config);
    const file = await inputFile(path, displayPath(path, pattern, config), compression);
    if (file) files.push(file);
    else if (found.length === 1 && path === local) {
      throw new SluiceError(
        'INPUT_UNREADABLE',
        `${pattern} is a folder: name its files, e.g. ${pattern.replace(/\/$/, '')}/*`,
      );
    }
  }
  if (files.length === 0) throw new SluiceError('INPUT_NOT_FOUND', `no file matches ${pattern}`);
  return files;
}

async function listObjects(
  pattern: string,
  compression: InputCompression,
  config: Config,
): Promise<InputFile[]> {
  await checkBucket(pattern, config);
  const found = await findObjects(pattern, config);
  if (found.length === 0) throw new SluiceError('INPUT_NOT_FOUND', `no object matches ${pattern}`);
  return found.map(object => ({ ...object, local: object.path, ...packed(object.path, compression) }));
}

/** The share of worker `index` of `count`: byte ranges of big files, small and compressed files as wholes. */
export function shareFiles(
  files: readonly InputFile[],
  { index, count }: { index: number; count: number },
): FileRange[] {
  return files.flatMap((file, i): FileRange[] => {
    if (file.compression || file.size < MIN_RANGE_BYTES * count) {
      return i % count === index ? [{ ...file, start: 0, end: file.size }] : [];
    }
    const bound = (part: number) => Math.floor((file.size * part) / count);
    return [{ ...file, start: bound(index), end: bound(index + 1) }];
  });
}

/** @throws SluiceError CHECKPOINT_UNUSABLE when a file is not as long as it was */
export async function requireUnchanged(ranges: readonly InputFile[]): Promise<void> {
  for (const { local, path, size, version } of ranges) {
    // Another version of an object is refused where it would be read.
    if (version !== undefined) continue;
    const now = await stat(local).catch(() => undefined);
    if (now?.size !== size) {
      throw new SluiceError(
        'CHECKPOINT_UNUSABLE',
        `${path} has changed since the job began, so it cannot go on in it`,
      );
    }
  }
}

/** The file of this very path, whatever signs are in it. @throws SluiceError INPUT_NOT_FOUND, INPUT_UNREADABLE */
export async function fileAt(
  path: string,
  compression: InputCompression,
  config: Config,
): Promise<InputFile> {
  if (!isObject(path, config)) {
    const file = await inputFile(localPath(path, config), path, compression);
    if (file) return file;
    throw new SluiceError('INPUT_UNREADABLE', `${path} is a folder`);
  }
  const object = await statObject(path, config);
  if (!object) throw new SluiceError('INPUT_NOT_FOUND', `there is no object ${path}`);
  return { ...object, local: path, ...packed(path, compression) };
}

/** Undefined for a folder. */
async function inputFile(
  local: string,
  path: string,
  compression: InputCompression,
): Promise<InputFile | undefined> {
  const stats = await stat(local).catch(error => {
    if (systemCode(error) === 'ENOENT') throw new SluiceError('INPUT_NOT_FOUND', `there is no file ${path}`);
    throw new SluiceError('INPUT_UNREADABLE', `${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (stats.isDirectory()) return undefined;
  // A pipe or a device has no end and no positions.
  if (!stats.isFile()) throw new SluiceError('INPUT_UNREADABLE', `${path} is not a regular file`);
  return { path, local, size: stats.size, modifiedMs: stats.mtimeMs, ...packed(local, compression) };
}

function packed(name: string, compression: InputCompression): Pick<InputFile, 'compression'> {
  const known = compression === 'auto' ? compressionOf(name) : compression;
  return known && known !== 'uncompressed' ? { compression: known } : {};
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
