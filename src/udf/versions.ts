/** The versions of the library's UDFs: what was uploaded, or what a job was started with, stays under its hash. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { Config } from '../config.ts';
import { syncDirectory } from '../engine/checkpoint.ts';
import { SluiceError, systemCode } from '../errors.ts';
import {
  checkUdfName,
  EXTENSIONS,
  latestFile,
  libraryFile,
  ownFolder,
  versionOf,
  versionsFolder,
} from './library-path.ts';

type Home = Pick<Config, 'home'>;

/** Of one script that is uploaded, and of all scripts of a UDF together. */
export const MAX_SOURCE_BYTES = 5 * 1024 * 1024;

export interface UdfVersion {
  version: string;
  /** RFC 3339: when it was kept. */
  time: string;
  module: boolean;
  /** `udf://name` means this one. */
  latest: boolean;
}

/** A path of the library with the version that it means now; nothing is kept by that. @throws SluiceError UDF_NOT_FOUND */
export function pinned(path: string, config: Home): string {
  const { name, file } = libraryFile(path, config);
  return `udf://${name}@${versionOf(readFileSync(file))}`;
}

/** Keeps the script that a pinned path means, so that no upload takes it away. */
export async function keepVersion(path: string, config: Home): Promise<void> {
  const { name, file, module } = libraryFile(path, config);
  const content = readFileSync(file);
  await writeVersion(config, name, content, module);
}

/** Keeps a script as a version of its name without making it the latest. @returns its path, `udf://name@version` */
export async function keepScript(
  config: Home,
  { name, content, module }: { name: string; content: Buffer; module: boolean },
): Promise<string> {
  checkUdfName(name);
  return `udf://${name}@${await writeVersion(config, name, content, module)}`;
}

/**
 * Makes a script the latest of its name; those before it stay. The same script again changes nothing.
 * @returns its version, and whether it is another than before
 */
export async function saveUdf(
  config: Home,
  { name, source, module }: { name: string; source: string; module: boolean },
): Promise<{ version: string; changed: boolean }> {
  checkUdfName(name);
  const content = Buffer.from(source);
  if (content.length > MAX_SOURCE_BYTES)
    throw new SluiceError(
      'REQUEST_TOO_LARGE',
      `the script has ${content.length} bytes, more than ${MAX_SOURCE_BYTES}, which is the most a UDF may have`,
    );
  const version = await writeVersion(config, name, content, module);
  const path = join(ownFolder(config), name, name + extensionOf(module));
  const before = latestFile(name, config);
  if (before?.file === path && versionOf(readFileSync(path)) === version) return { version, changed: false };
  // What a job started before with was perhaps never uploaded.
  if (before) await writeVersion(config, name, readFileSync(before.file), before.module);
  await replace(path, content);
  rmSync(join(dirname(path), name + extensionOf(!module)), { force: true });
  return { version, changed: true };
}

/** Puts the cases of a UDF of the user's beside it. @throws SluiceError UDF_NOT_FOUND when there is no such UDF */
export async function saveCases(config: Home, name: string, text: string): Promise<void> {
  checkUdfName(name);
  const script = latestFile(name, config);
  if (script?.file.startsWith(`${ownFolder(config)}/`) !== true)
    throw new SluiceError('UDF_NOT_FOUND', `there is no uploaded UDF ${name}: upload its script first`);
  await replace(join(ownFolder(config), name, 'cases.json'), Buffer.from(text));
}

/** Every version of a UDF that can be had, the newest first. */
export function listVersions(config: Home, name: string): UdfVersion[] {
  const latest = latestFile(name, config);
  const current = latest && versionOf(readFileSync(latest.file));
  const describe = (file: string, version: string): UdfVersion => ({
    version,
    time: statSync(file).mtime.toISOString(),
    module: extname(file) === '.mjs',
    latest: version === current,
  });
  const kept = scriptsIn(versionsFolder(config, name)).map(file =>
    describe(file, basename(file, extname(file))),
  );
  const isKept = kept.some(each => each.latest);
  const all = latest && current && !isKept ? [describe(latest.file, current), ...kept] : kept;
  return all.sort((a, b) => (a.time > b.time ? -1 : 1)).sort((a, b) => Number(b.latest) - Number(a.latest));
}

function scriptsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter(name => EXTENSIONS.some(extension => name.endsWith(extension)) && !name.startsWith('.'))
      .map(name => join(folder, name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function writeVersion(config: Home, name: string, content: Buffer, module: boolean): Promise<string> {
  const version = versionOf(content);
  const folder = versionsFolder(config, name);
  makeFolder(config, folder);
  const kept = scriptsIn(folder).find(file => basename(file, extname(file)) === version);
  if (kept === undefined) await replace(join(folder, version + extensionOf(module)), content);
  else if (extname(kept) !== extensionOf(module))
    throw new SluiceError(
      'REQUEST_INVALID',
      `this very text is kept as ${basename(kept)}, and cannot be a module and a script at once: change a comment`,
    );
  return version;
}

/** A link in the library must not lead what is written elsewhere. */
function makeFolder(config: Home, folder: string): void {
  const own = ownFolder(config);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  for (const path of [dirname(folder), folder]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (realpathSync(path) === join(realpathSync(own), relative(own, path))) continue;
    throw new SluiceError('PATH_FORBIDDEN', `${path} is a link that leads elsewhere: remove it`);
  }
}

const extensionOf = (module: boolean): string => (module ? '.mjs' : '.js');

/** Readers see the old text or the new, also when several write at once. */
async function replace(path: string, content: Buffer): Promise<void> {
  const draft = join(dirname(path), `.${randomUUID()}`);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncDirectory(dirname(path));
}
