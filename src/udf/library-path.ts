/** `udf://name` and `udf://name@version`: which file of the library that is. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';

const NAME = /^[A-Za-z0-9_-]{1,100}$/;
const VERSION = /^[0-9a-f]{12}$/;
export const EXTENSIONS = ['.js', '.mjs'] as const;

/** The samples that come with Sluice. */
const SHIPPED = fileURLToPath(new URL('../../udfs/', import.meta.url));

/** The user's own UDFs: `<folder>/<name>/<name>.js`. */
export const ownFolder = ({ home }: Pick<Config, 'home'>): string => join(home, 'udfs');

/** Where the library's UDFs lie, the user's own first. */
export const libraryFolders = (config: Pick<Config, 'home'>): string[] => [ownFolder(config), SHIPPED];

/** Where the versions of a UDF are kept, by what is in them. */
export const versionsFolder = (config: Pick<Config, 'home'>, name: string): string =>
  join(ownFolder(config), name, 'versions');

/** The version of a script: the head of the SHA-256 of its bytes. */
export const versionOf = (content: Uint8Array): string =>
  createHash('sha256').update(content).digest('hex').slice(0, 12);

export interface LibraryFile {
  name: string;
  /** Absolute. */
  file: string;
  module: boolean;
}

/** @throws SluiceError UDF_NOT_FOUND for a name that cannot be that of a UDF */
export function checkUdfName(name: string, path = name): void {
  if (NAME.test(name)) return;
  throw new SluiceError(
    'UDF_NOT_FOUND',
    `${path}: a UDF's name is made of letters, digits, - and _, 100 at most`,
  );
}

/**
 * The file of `udf://name`, the latest, or of `udf://name@version`.
 * @throws SluiceError UDF_NOT_FOUND
 */
export function libraryFile(path: string, config: Pick<Config, 'home'>): LibraryFile {
  const [name = '', version, ...more] = path.slice('udf://'.length).split('@');
  checkUdfName(name, path);
  const latest = latestFile(name, config);
  if (version === undefined) {
    if (latest) return latest;
    throw new SluiceError('UDF_NOT_FOUND', `there is no UDF ${name} in the library: see \`sluice udf list\``);
  }
  const isVersion = more.length === 0 && VERSION.test(version);
  const found = isVersion ? versionFile(name, version, latest, config) : undefined;
  if (found) return found;
  throw new SluiceError(
    'UDF_NOT_FOUND',
    `the UDF ${name} has no version ${version}: see \`sluice udf list\``,
  );
}

/** The latest script of a UDF, the user's before a sample of that name. */
export function latestFile(name: string, config: Pick<Config, 'home'>): LibraryFile | undefined {
  for (const folder of libraryFolders(config)) {
    const found = scriptNamed(join(folder, name, name), name, folder);
    if (found) return found;
  }
  return undefined;
}

/** A version that was kept or, where none was, the latest if it is that. */
function versionFile(
  name: string,
  version: string,
  latest: LibraryFile | undefined,
  config: Pick<Config, 'home'>,
): LibraryFile | undefined {
  const kept = scriptNamed(join(versionsFolder(config, name), version), name, ownFolder(config));
  if (kept) return kept;
  return latest && versionOf(readFileSync(latest.file)) === version ? latest : undefined;
}

function scriptNamed(path: string, name: string, folder: string): LibraryFile | undefined {
  const file = EXTENSIONS.map(extension => path + extension).find(each => existsSync(each));
  if (file === undefined || !staysIn(file, folder)) return undefined;
  return { name, file, module: extname(file) === '.mjs' };
}

/** False for a link that leads out of the folder. */
export const staysIn = (file: string, folder: string): boolean =>
  realpathSync(file).startsWith(`${realpathSync(folder)}${sep}`);
