/** Finds and reads the scripts of a UDF: local files, files of the local cloud, the library's, or a pattern. */
import { existsSync, globSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, extname, isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, storageDirectory } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';
import type { UdfScript } from './frames.ts';

/** Of all scripts of a UDF together. */
const MAX_SOURCE_BYTES = 5 * 1024 * 1024;
const EXTENSIONS = new Set(['.js', '.mjs']);
const FUNCTION_NAME = /^[A-Za-z_$][\w$]*$/;
const LIBRARY_NAME = /^[A-Za-z0-9_-]+$/;

/** The samples that come with Sluice. */
const SHIPPED = fileURLToPath(new URL('../../udfs/', import.meta.url));

/** Where the library's UDFs lie, the user's own first: `<folder>/<name>/<name>.js`. */
export const libraryFolders = (config: Config): string[] => [join(config.home, 'udfs'), SHIPPED];

/**
 * Reads the scripts at a path, in the order in which they are loaded into one realm. A path is a local one,
 * `gs://bucket/object`, or `udf://name`; it may be a pattern, of whose files only `.js` and `.mjs` count.
 * Throws UDF_NOT_FOUND, INPUT_UNREADABLE or UDF_LOAD_FAILED.
 */
export function readScripts(path: string, config: Config): UdfScript[] {
  const files = filesAt(path, config);
  const sources: UdfScript[] = [];
  let bytes = 0;
  for (const file of files) {
    bytes += sizeOf(file);
    if (bytes > MAX_SOURCE_BYTES) {
      throw new SluiceError(
        'UDF_LOAD_FAILED',
        `the scripts at ${path} are larger than ${MAX_SOURCE_BYTES} bytes in all, which is the most a UDF may have`,
      );
    }
    sources.push({ name: basename(file), source: read(file), module: extname(file) === '.mjs' });
  }
  return sources;
}

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
  if (path.startsWith('udf://')) return [libraryFile(path, config)];
  const cloud = path.startsWith('gs://');
  const local = cloud ? cloudPath(path, config) : path;
  const files = matches(local).filter(file => EXTENSIONS.has(extname(file)));
  if (files.length === 0) {
    throw new SluiceError('UDF_NOT_FOUND', `no .js or .mjs file matches ${path}`);
  }
  if (cloud) for (const file of files) refuseEscape(file, path, config);
  return files;
}

function matches(path: string): string[] {
  if (existsSync(path)) return statSync(path).isFile() ? [path] : [];
  return /[*?[{]/.test(path) ? globSync(path).toSorted() : [];
}

function libraryFile(path: string, config: Config): string {
  const name = path.slice('udf://'.length);
  if (!LIBRARY_NAME.test(name)) {
    throw new SluiceError('UDF_NOT_FOUND', `${path}: a UDF's name is made of letters, digits, - and _`);
  }
  const candidates = libraryFolders(config).map(folder => join(folder, name, `${name}.js`));
  const file = candidates.find(candidate => existsSync(candidate));
  if (file === undefined) {
    throw new SluiceError('UDF_NOT_FOUND', `there is no UDF ${name} in the library: see \`sluice udf list\``);
  }
  return file;
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
