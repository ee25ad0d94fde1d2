/** The local cloud's storage: paths as users write them, and where `gs://bucket/object` is kept. */
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Config, storageDirectory } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/**
 * The local path that stands for `path`, which may be a pattern or a prefix.
 * @throws SluiceError INPUT_NOT_FOUND for a `gs://` path that names no valid bucket or would leave it
 */
export function localPath(path: string, config: Config): string {
  if (path.includes('\0')) throw new SluiceError('INPUT_NOT_FOUND', 'a path may not hold a NUL byte');
  if (!path.startsWith('gs://')) return path.endsWith('/') ? `${resolve(path)}/` : resolve(path);
  const [bucket = '', ...segments] = path.slice('gs://'.length).split('/');
  if (!BUCKET.test(bucket)) {
    throw new SluiceError(
      'INPUT_NOT_FOUND',
      `${path}: "${bucket}" is not a bucket name (3 to 222 of a-z 0-9 . _ -)`,
    );
  }
  if (segments.some(segment => segment === '..' || segment === '.')) {
    throw new SluiceError('INPUT_NOT_FOUND', `${path}: an object name may not hold "." or ".." as a segment`);
  }
  return join(storageDirectory(config), bucket, segments.join('/'));
}

/** The path as the user wrote it, for a local one that lies below what `pattern` stands for. */
export function displayPath(local: string, pattern: string, config: Config): string {
  if (!pattern.startsWith('gs://')) return local;
  return `gs:/${local.slice(storageDirectory(config).length)}`;
}

/** No file that configures something is longer. */
const MAX_TEXT_BYTES = 1 << 22;

/**
 * The text of a file that a parameter names.
 * @param what what the file is, for the message: `the schema`
 * @throws SluiceError INPUT_NOT_FOUND, INPUT_UNREADABLE
 */
export async function readTextFile(path: string, what: string, config: Config): Promise<string> {
  const local = localPath(path, config);
  try {
    const { size } = await stat(local);
    if (size > MAX_TEXT_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_TEXT_BYTES}`);
    return await readFile(local, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new SluiceError('INPUT_NOT_FOUND', `${what} ${path}: there is no such file`);
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('INPUT_UNREADABLE', `${what} ${path} cannot be read: ${why}`, { cause: error });
  }
}
