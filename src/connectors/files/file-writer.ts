/** Writes whole files into a folder or a bucket, each streamed out of another one, under names that no two share. */
import { createHash } from 'node:crypto';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream';
import { isObject } from '../../cloud/objects/locate.ts';
import type { Config } from '../../config.ts';
import type { Failure } from '../../engine/batch.ts';
import type { Json, StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { streamInput } from './input.ts';
import { fileAt, type InputFile } from './list.ts';
import { bucketTarget, folderTarget } from './whole-files.ts';

/** Why one file cannot be converted. */
export class FileFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** How a file becomes another. */
export interface Conversion {
  /** Its path below the folder. */
  name: string;
  codec(): Transform;
  /** What it fails with when the codec does not understand it. */
  broken?: FileFailure;
}

export interface FileWriter {
  /**
   * @param known the version of an object that was found
   * @throws FileFailure, or what else ails the job
   */
  write(path: string, conversion: Conversion, known?: Pick<InputFile, 'size' | 'version'>): Promise<void>;
  /** What a restart needs to know, once all that was written is durable. */
  prepare(): Promise<Json>;
  outputs(): string[];
  close(): Promise<void>;
}

/** Which file has a name: both as hashes, since there may be many. */
interface WriterState {
  names: [name: string, path: string][];
  written: string[];
}

const MAX_LISTED = 1000;

export async function openFileWriter(folder: string, context: StageContext): Promise<FileWriter> {
  const { config, restored } = context;
  const base = folder.endsWith('/') ? folder : `${folder}/`;
  const target = await (isObject(base, config) ? bucketTarget : folderTarget)(base, context);
  const state = restored as unknown as WriterState | undefined;
  const names = new Map(state?.names);
  let written = state?.written ?? [];

  const claim = (name: string, path: string): void => {
    if (!isName(name) || base + name === path)
      throw new FileFailure('FILE_NAME_REFUSED', `${path}: the new file cannot be called "${name}"`);
    const [key, owner] = [hashOf(name), hashOf(path)];
    if ((names.get(key) ?? owner) !== owner)
      throw new FileFailure('FILE_NAME_REFUSED', `${path}: another file of the job has become ${name}`);
    names.set(key, owner);
  };

  return {
    async write(path, conversion, known) {
      claim(conversion.name, path);
      const put = (file: InputFile) => target.put(conversion.name, () => converted(file, conversion, config));
      const found =
        known && isObject(path, config) ? { path, local: path, modifiedMs: 0, ...known } : undefined;
      try {
        await put(found ?? (await fileAt(path, 'uncompressed', config)));
      } catch (error) {
        // Another version has come, e.g. a mended one before a replay: that is meant now.
        if (!found || !(error instanceof SluiceError) || error.code !== 'INPUT_UNREADABLE') throw error;
        const now = await fileAt(path, 'uncompressed', config);
        if (now.version === found.version) throw error;
        await put(now);
      }
      written = [...written, base + conversion.name].slice(-MAX_LISTED);
    },
    async prepare() {
      await target.settle();
      return { names: [...names], written } satisfies WriterState;
    },
    outputs: () => written,
    close: () => target.close(),
  };
}

/** The failure of one element; throws what is none. */
export function elementFailure(error: unknown, stage: string): Failure {
  if (error instanceof FileFailure) return { code: error.code, message: error.message, transform: stage };
  const isInput = error instanceof SluiceError && /^(?:INPUT_|PATH_FORBIDDEN)/.test(error.code);
  if (isInput) return { code: 'FILE_UNREADABLE', message: error.message, transform: stage };
  throw error;
}

/** The bytes of the new file. What the old one cannot be read for is told apart from what its codec does not take. */
async function* converted(
  file: InputFile,
  { codec, broken }: Conversion,
  config: Config,
): AsyncGenerator<Buffer> {
  let unread: unknown;
  const source = async function* () {
    try {
      if (file.size > 0) yield* streamInput(file, config);
    } catch (error) {
      unread = error;
      throw error;
    }
  };
  const bytes = codec();
  // The error reaches the iteration below.
  pipeline(source(), bytes, () => {});
  try {
    yield* bytes;
  } catch (error) {
    if (unread instanceof SluiceError) throw unread;
    if (unread !== undefined)
      throw new SluiceError('INPUT_UNREADABLE', `${file.path} cannot be read: ${unread}`);
    throw broken ?? error;
  }
}

/** Stays below its folder, and is written in one way only. */
const isName = (name: string): boolean =>
  !name.includes('\0') && name.split('/').every(part => part !== '' && part !== '.' && part !== '..');

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16);
