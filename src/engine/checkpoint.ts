/** The checkpoint file of a worker: everything a restart needs, replaced as a whole. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../errors.ts';
import type { Json } from './component.ts';
import type { Counters } from './counters.ts';
import { crashPoint } from './crash-point.ts';
import { openPlain, readPlain } from './plain-file.ts';

const VERSION = 1;
const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;

export interface Checkpoint {
  version: number;
  /** Snapshots of sources and transforms, and what sinks prepared, by stage. */
  stages: Record<string, Json>;
  counters: Counters;
  /** Set by the last checkpoint of a worker that has nothing left to do. */
  ended?: 'DONE' | 'DRAINED';
}

const pathIn = (directory: string): string => join(directory, 'checkpoint.json');

/**
 * The last checkpoint, or undefined when the worker never made one. @param maxBytes for whoever must not trust the worker
 * @throws SluiceError CHECKPOINT_UNUSABLE, WORKER_FAULTY
 */
export async function loadCheckpoint(directory: string, maxBytes?: number): Promise<Checkpoint | undefined> {
  const path = pathIn(directory);
  const text = await readPlain(path, maxBytes);
  if (text === undefined) return undefined;
  const checkpoint = parse(text);
  if (checkpoint?.version !== undefined && checkpoint.version !== VERSION)
    throw unusable(`${path} is of version ${checkpoint.version}, not ${VERSION}`);
  if (!isObject(checkpoint?.stages) || !isObject(checkpoint?.counters)) throw unusable(`${path} is none`);
  return checkpoint as Checkpoint;
}

/** Its file, as it is; undefined when there is none. @throws SluiceError WORKER_FAULTY */
export const openCheckpoint = (directory: string): Promise<FileHandle | undefined> =>
  openPlain(pathIn(directory));

function parse(text: string): Partial<Checkpoint> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const unusable = (why: string): SluiceError => new SluiceError('CHECKPOINT_UNUSABLE', why);

/** Replaces the checkpoint; once this resolves it is on disk. */
export async function saveCheckpoint(
  directory: string,
  checkpoint: Omit<Checkpoint, 'version'>,
): Promise<void> {
  await replaceFile(pathIn(directory), JSON.stringify({ version: VERSION, ...checkpoint }), () =>
    crashPoint('checkpoint.written'),
  );
}

/** It is read by the server, for which the worker may be anybody. */
export const MAX_INHERITED_BYTES = 1 << 25;

/**
 * Makes the last checkpoint in one folder the first one in another: that of a pipeline that goes on from it, with
 * counters of its own. False when there is none. @param names of the stages whose state goes on, the new ones by the old
 */
export async function inheritCheckpoint(
  from: string,
  to: string,
  names: Readonly<Record<string, string>>,
): Promise<boolean> {
  const checkpoint = await loadCheckpoint(from, MAX_INHERITED_BYTES);
  if (!checkpoint) return false;
  const inherited = Object.entries(names).flatMap(([before, after]) =>
    Object.hasOwn(checkpoint.stages, before) ? [[after, checkpoint.stages[before] ?? null] as const] : [],
  );
  await saveCheckpoint(to, { stages: Object.fromEntries(inherited), counters: {} });
  return true;
}

/** Writes a file so that a reader sees the old text or the new, whatever happens; `beforeRename` is for fault tests. */
export async function replaceFile(path: string, text: string, beforeRename?: () => void): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  // Where somebody else may write into the folder, a link would lead our text elsewhere.
  const file = await open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  beforeRename?.();
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes renames within a folder durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
