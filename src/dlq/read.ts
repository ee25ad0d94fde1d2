/** Reads dead letters where a job's sinks have put them. */
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isObject } from '../cloud/objects/locate.ts';
import { objectsBelow } from '../cloud/objects/objects.ts';
import { type ObjectVersion, readObject } from '../cloud/objects/read.ts';
import { displayPath, localPath } from '../cloud/storage.ts';
import { type Config, jobDirectory } from '../config.ts';
import { DEFAULT_PATTERNS, fixedFolder } from '../connectors/files/file-naming.ts';
import { loadCheckpoint } from '../engine/checkpoint.ts';
import { type DeadLetter, type KeptLetters, keptLettersFile } from '../engine/dead-letter.ts';
import { plainBytes } from '../engine/plain-file.ts';
import { SluiceError, systemCode } from '../errors.ts';
import { type Compression, compressionOf, compressions } from '../formats/compression.ts';
import { parseLetter } from './letter.ts';
import { CHUNK_BYTES, linesOf } from './lines.ts';
import type { LetterPlace } from './places.ts';
import { spoolOf, topicOf } from './topic.ts';

/** A letter, or what stands where one should be; `at` is `path:offset`. */
export type FoundLetter = { at: string } & ({ letter: DeadLetter } | { fault: string });

interface LetterFile {
  local: string;
  /** As the user names it. */
  path: string;
  compression?: Compression;
  /** How much of it counts; absent: all. */
  end?: number;
  /** It is an object of a store. */
  object?: ObjectVersion;
  /** The folder that a worker has written it to, which may have put links in the place of folders. */
  writtenIn?: string;
}

/** Every letter in these places, of whatever job. Letters of a topic are those that were collected before. */
export async function* readLetters(
  places: readonly LetterPlace[],
  config: Config,
): AsyncGenerator<FoundLetter> {
  const seen = new Set<string>();
  for (const place of places) {
    for (const file of await filesOf(place, config)) {
      const { local, path, compression, end } = file;
      if (seen.has(local)) continue;
      seen.add(local);
      for await (const line of linesOf(bytesOf(file, config), { compression, end })) {
        const at = `${path}:${line.offset}`;
        const found = 'line' in line ? parseLetter(line.line) : line.fault;
        yield typeof found === 'string' ? { at, fault: found } : { at, letter: found };
      }
    }
  }
}

function bytesOf({ local, object, writtenIn }: LetterFile, config: Config): string | AsyncIterable<Buffer> {
  if (object) return readObject(object, config);
  if (writtenIn === undefined) return local;
  return plainBytes(writtenIn, relative(writtenIn, local).split(sep), CHUNK_BYTES);
}

/** What a place is called. */
export function describePlace(place: LetterPlace): string {
  const topic = topicOf(place);
  if (topic !== undefined) return topic;
  if (place.keptBy !== undefined) return `the folder of job ${place.keptBy}`;
  const { path, table } = place.config;
  if (typeof table === 'string') return `the table ${table}`;
  return typeof path === 'string' ? `${path}*` : `${place.stage} (${place.sink})`;
}

/** True when letters can be read from there. */
export const isReadable = (place: LetterPlace): boolean =>
  place.keptBy !== undefined || topicOf(place) !== undefined || typeof place.config.path === 'string';

async function filesOf(place: LetterPlace, config: Config): Promise<LetterFile[]> {
  const topic = topicOf(place);
  if (topic !== undefined) {
    const local = spoolOf(topic, config);
    return (await isThere(local)) ? [{ local, path: topic }] : [];
  }
  if (place.keptBy !== undefined) return keptFiles(place.stage, jobDirectory(config, place.keptBy));
  const { path } = place.config;
  return typeof path === 'string' ? publishedFiles(path, place.config, config) : [];
}

/** The letters that each worker of a job keeps, as far as its checkpoint knows of them. */
async function keptFiles(stage: string, jobFolder: string): Promise<LetterFile[]> {
  const workers = join(jobFolder, 'workers');
  const names = await readdir(workers).catch(() => []);
  const files = names.map(async (name): Promise<LetterFile> => {
    const directory = join(workers, name);
    const kept = (await loadCheckpoint(directory))?.stages[stage] as unknown as KeptLetters | undefined;
    const local = keptLettersFile(directory, stage);
    return { local, path: local, end: kept?.length ?? 0, writtenIn: directory };
  });
  return (await Promise.all(files)).filter(({ end }) => end !== 0);
}

/** The files of a prefix; where date patterns make its folders, those in the folders below. */
async function publishedFiles(
  prefix: string,
  settings: LetterPlace['config'],
  config: Config,
): Promise<LetterFile[]> {
  const text = (key: string, standard: string) => String(settings[key] ?? standard);
  const suffix = text('file_name_suffix', '');
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const name = prefix.slice(folder.length);
  const fixed = fixedFolder(prefix, {
    year: text('year_pattern', DEFAULT_PATTERNS.year),
    month: text('month_pattern', DEFAULT_PATTERNS.month),
    day: text('day_pattern', DEFAULT_PATTERNS.day),
    hour: text('hour_pattern', DEFAULT_PATTERNS.hour),
    minute: text('minute_pattern', DEFAULT_PATTERNS.minute),
  });
  if (isObject(prefix, config)) {
    const below = fixed === folder ? prefix : fixed;
    const isOurs = (path: string) =>
      baseOf(path).startsWith(name) &&
      path.endsWith(suffix) &&
      (fixed !== folder || folderOf(path) === folder);
    return publishedObjects(below, isOurs, settings, config);
  }
  const root = localPath(fixed || './', config);
  const entries = await readdir(root, { recursive: fixed !== folder, withFileTypes: true }).catch(error => {
    if (systemCode(error) === 'ENOENT') return [];
    throw new SluiceError('INPUT_UNREADABLE', `${fixed} cannot be read: ${error.message}`, { cause: error });
  });
  return entries
    .filter(entry => entry.isFile() && entry.name.startsWith(name) && entry.name.endsWith(suffix))
    .filter(entry => !entry.parentPath.includes('/.sluice-') && !entry.name.startsWith('.'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
    .map(local => ({
      local,
      path: displayPath(local, prefix, config),
      ...compressionIn(local, settings),
    }));
}

async function publishedObjects(
  below: string,
  isOurs: (path: string) => boolean,
  settings: LetterPlace['config'],
  config: Config,
): Promise<LetterFile[]> {
  const files: LetterFile[] = [];
  for await (const page of objectsBelow(below, config))
    for (const object of page) {
      const { path } = object;
      if (isOurs(path)) files.push({ local: path, path, object, ...compressionIn(path, settings) });
    }
  return files;
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);
const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function compressionIn(local: string, { compression }: LetterPlace['config']): { compression?: Compression } {
  const known = compressions.find(each => each === compression) ?? compressionOf(local);
  return known && compression !== 'uncompressed' ? { compression: known } : {};
}

async function isThere(path: string): Promise<boolean> {
  return readdir(join(path, '..')).then(
    names => names.some(name => path.endsWith(`/${name}`)),
    () => false,
  );
}
