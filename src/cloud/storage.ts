/** The local cloud's storage: paths as users write them, and where `gs://bucket/object` is kept. */
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Config, storageDirectory } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';
import { isObject } from './objects/locate.ts';
import { statObject } from './objects/objects.ts';
import { readText } from './objects/read.ts';
import { requireAllowed, requireInBucket } from './roots.ts';

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/** Linux takes no longer one. */
const MAX_PATH_BYTES = 4095;

/**
 * The local path that stands for `path`, which may be a pattern or a prefix.
 * @throws SluiceError INPUT_NOT_FOUND for a `gs://` path that names no valid bucket or would leave it, PATH_FORBIDDEN
 */
export function localPath(path: string, config: Config): string {
  if (path.includes('\0')) throw new SluiceError('INPUT_NOT_FOUND', 'a path may not hold a NUL byte');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new SluiceError(
      'INPUT_NOT_FOUND',
      `${path.slice(0, 80)}…: a path may have ${MAX_PATH_BYTES} bytes`,
    );
  if (isObject(path, config))
    throw new SluiceError('INPUT_NOT_FOUND', `${path} is an object, where a file of this machine is needed`);
  const local = path.startsWith('gs://') ? objectPath(path, config) : absolutePath(path);
  requireReachable(local, path, config);
  return local;
}

/**
 * Refuses a local path that the server may not use, and a link that leads out of a bucket.
 * @param path what the user wrote, e.g. the pattern that found it
 * @throws SluiceError PATH_FORBIDDEN
 */
export function requireReachable(local: string, path: string, config: Config): void {
  if (!config.roots) return;
  const bucket = /^gs:\/\/([^/]*)/.exec(path)?.[1];
  if (bucket === undefined) requireAllowed(local, path, config);
  else requireInBucket(local, path, join(storageDirectory(config), bucket));
}

const absolutePath = (path: string): string => (path.endsWith('/') ? `${resolve(path)}/` : resolve(path));

function objectPath(path: string, config: Config): string {
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
  if (isObject(path, config)) return readObjectText(path, what, config);
  const local = localPath(path, config);
  try {
    const stats = await stat(local);
    const { size } = stats;
    // A pipe would be waited for without end.
    if (!stats.isFile()) throw new Error('it is not a regular file');
    if (size > MAX_TEXT_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_TEXT_BYTES}`);
    return await readFile(local, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new SluiceError('INPUT_NOT_FOUND', `${what} ${path}: there is no such file`);
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('INPUT_UNREADABLE', `${what} ${path} cannot be read: ${why}`, { cause: error });
  }
}

async function readObjectText(path: string, what: string, config: Config): Promise<string> {
  const object = await statObject(path, config);
  if (!object) throw new SluiceError('INPUT_NOT_FOUND', `${what} ${path}: there is no such object`);
  if (object.size <= MAX_TEXT_BYTES) return readText(object, config);
  throw new SluiceError(
    'INPUT_UNREADABLE',
    `${what} ${path} cannot be read: it has ${object.size} bytes, more than ${MAX_TEXT_BYTES}`,
  );
}
