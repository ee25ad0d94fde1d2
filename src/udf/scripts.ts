/** Finds and reads the scripts of a UDF: local files, files of the local cloud, the library's, or a pattern. */
import { existsSync, globSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isObject } from '../cloud/objects/locate.ts';
import { requireModestPattern } from '../cloud/patterns.ts';
import { requireAllowed } from '../cloud/roots.ts';
import { type Config, storageDirectory } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';
import type { UdfScript } from './frames.ts';
import { EXTENSIONS, latestFile, libraryFile } from './library-path.ts';
import { MAX_SOURCE_BYTES } from './versions.ts';

/** A pattern is looked for in one go, while all else waits. */
const MAX_LOOKED_AT = 20_000;
const FUNCTION_NAME = /^[A-Za-z_$][\w$]*$/;

/**
 * Reads the scripts at a path, in the order in which they are loaded into one realm. A path is a local one,
 * `gs://bucket/object`, or `udf://name[@version]`; it may be a pattern, of whose files only `.js` and `.mjs` count.
 * Throws UDF_NOT_FOUND, INPUT_UNREADABLE or UDF_LOAD_FAILED.
 */
export function readScripts(path: string, config: Config): UdfScript[] {
  const files = filesAt(path, config);
  const sources: UdfScript[] = [];
  let bytes = 0;
  for (const file of files) {
    bytes += sizeOf(file);
    if (bytes > MAX_SOURCE_BYTES) throw tooLarge(path);
    sources.push({ name: nameOf(path, file), source: read(file), module: extname(file) === '.mjs' });
  }
  return sources;
}

/** What is thrown for more source than a UDF may have. */
export const tooLarge = (path: string): SluiceError =>
  new SluiceError(
    'UDF_LOAD_FAILED',
    `the scripts at ${path} are larger than ${MAX_SOURCE_BYTES} bytes in all, which is the most a UDF may have`,
  );

/** What stack traces call it: a version of the library by the name of its UDF. */
const nameOf = (path: string, file: string): string =>
  /^udf:\/\/([^@]+)/.exec(path)?.[1]?.concat(extname(file)) ?? basename(file);

/** Throws UDF_FUNCTION_MISSING when the name cannot be that of a function. */
export function checkFunctionName(name: string | undefined): void {
  if (name === undefined || FUNCTION_NAME.test(name)) return;
  throw new SluiceError(
    'UDF_FUNCTION_MISSING',
    `'${name}' cannot be the name of a function: use letters, digits, _ and $, and no digit first`,
  );
}

/** The files a path names, in lexicographic order; never empty. */
export function filesAt(path: string, config: Config): string[] {
  if (path.startsWith('udf://')) return [libraryFile(path, config).file];
  if (isObject(path, config))
    throw new SluiceError('UDF_NOT_FOUND', `${path} is in an object store: download it to use it here`);
  const cloud = path.startsWith('gs://');
  const local = cloud ? cloudPath(path, config) : path;
  if (!cloud) requireAllowed(resolve(local), path, config);
  const files = matches(local).filter(isScript);
  if (files.length === 0) {
    const name = basename(path, extname(path));
    const hint = latestFile(name, config) ? `: the library has udf://${name}` : '';
    throw new SluiceError('UDF_NOT_FOUND', `no .js or .mjs file matches ${path}${hint}`);
  }
  if (!cloud) for (const file of files) requireAllowed(resolve(file), file, config);
  else for (const file of files) refuseEscape(file, path, config);
  return files;
}

/** True for the name of a file that counts as a script. */
export const isScript = (file: string): boolean => EXTENSIONS.some(extension => extname(file) === extension);

function matches(path: string): string[] {
  if (existsSync(path)) return statSync(path).isFile() ? [path] : [];
  if (!/[*?[{]/.test(path)) return [];
  requireModestPattern(path);
  let looked = 0;
  const exclude = (): boolean => {
    if (++looked <= MAX_LOOKED_AT) return false;
    throw new SluiceError(
      'UDF_NOT_FOUND',
      `${path} looks through more than ${MAX_LOOKED_AT} files: name the folder of the scripts`,
    );
  };
  return globSync(path, { exclude }).toSorted();
}

function cloudPath(path: string, config: Config): string {
  const segments = path.slice('gs://'.length).split('/');
  if (
    segments.length < 2 ||
    segments.some(segment => segment === '..' || segment === '.' || segment === '')
  ) {
    throw new SluiceError('UDF_NOT_FOUND', `${path} is not of the form gs://bucket/object`);
  }
  return join(storageDirectory(config), ...segments);
}

/** A link in a bucket must not lead out of the local cloud. */
function refuseEscape(file: string, path: string, config: Config): void {
  const within = relative(realpathSync(storageDirectory(config)), realpathSync(file));
  if (within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)) {
    throw new SluiceError('UDF_NOT_FOUND', `${path} leads out of the local cloud`);
  }
}

function sizeOf(file: string): number {
  return reading(file, () => statSync(file).size);
}

function read(file: string): string {
  return reading(file, () => readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
}

function reading<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new SluiceError('INPUT_UNREADABLE', `cannot read ${file}: ${systemCode(error) ?? error}`, {
      cause: error,
    });
  }
}
