/** The library of UDFs: the user's own under `SLUICE_HOME/udfs`, and the samples that come with Sluice. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { EXTENSIONS, latestFile, libraryFile, libraryFolders, staysIn } from './library-path.ts';
import { filesAt } from './scripts.ts';

/** A script may be anything: of a comment that goes on for ever no more is looked at. */
const MAX_HEAD = 4096;

/** A UDF with a name, and where its script and its cases lie. */
export interface LibraryUdf {
  name: string;
  script: string;
  /** Absent: it has none. */
  cases?: string;
  /** The first sentence of the comment that opens the script. */
  summary: string;
}

/** All UDFs of the library by name; the user's hides a sample of the same name. */
export function listLibrary(config: Config): LibraryUdf[] {
  const found = new Map<string, LibraryUdf>();
  for (const folder of libraryFolders(config)) {
    for (const udf of udfsBelow(folder))
      if (!found.has(udf.name) && staysIn(udf.script, folder)) found.set(udf.name, udf);
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The UDFs at a path: a script, a folder of one, a folder of such folders, a `cases.json`, or `udf://name[@version]`. */
export function udfsAt(path: string, config: Config): LibraryUdf[] {
  if (path.startsWith('udf://')) return [versionAt(path, config)];
  if (path.startsWith('gs://')) return filesAt(path, config).map(udfOf);
  const found =
    !existsSync(path) || statSync(path).isFile() ? udfsOfFile(path, config) : udfsOfFolder(resolve(path));
  if (found.length === 0) throw new SluiceError('UDF_NOT_FOUND', `there is no UDF in ${path}`);
  return found;
}

/** A version is tested by the cases that its UDF has now. */
function versionAt(path: string, config: Config): LibraryUdf {
  const { name, file } = libraryFile(path, config);
  const latest = latestFile(name, config);
  const { summary } = udfOf(file);
  const { cases } = udfOf(latest?.file ?? file);
  return { name, script: file, ...(cases !== undefined && { cases }), summary };
}

function udfsOfFile(path: string, config: Config): LibraryUdf[] {
  return basename(path) === 'cases.json'
    ? udfsOfFolder(dirname(resolve(path)))
    : filesAt(path, config).map(udfOf);
}

function udfsOfFolder(folder: string): LibraryUdf[] {
  const own = scriptIn(folder);
  return own === undefined ? udfsBelow(folder) : [udfOf(own)];
}

function udfsBelow(folder: string): LibraryUdf[] {
  if (!existsSync(folder)) return [];
  const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory());
  const scripts = folders.map(entry => scriptIn(join(folder, entry.name)));
  return scripts.filter(script => script !== undefined).map(udfOf);
}

/** `<name>/<name>.js` or `.mjs`. */
function scriptIn(folder: string): string | undefined {
  const candidates = EXTENSIONS.map(extension => join(folder, basename(folder) + extension));
  return candidates.find(candidate => existsSync(candidate));
}

function udfOf(script: string): LibraryUdf {
  const cases = join(dirname(script), 'cases.json');
  return {
    name: basename(script, extname(script)),
    script,
    ...(existsSync(cases) && { cases }),
    summary: summaryOf(readFileSync(script, 'utf8').slice(0, MAX_HEAD)),
  };
}

function summaryOf(source: string): string {
  const comment = /^\s*(?:\/\*\*?([\s\S]*?)\*\/|((?:\/\/.*\n?)+))/.exec(source);
  const text = (comment?.[1] ?? comment?.[2] ?? '').replaceAll(/^\s*(?:\*|\/\/)\s?/gm, '');
  return (/^[\s\S]*?\.(?=\s|$)/.exec(text.trim())?.[0] ?? text).replaceAll(/\s+/g, ' ').trim();
}
