/** The checkpoint file of a worker: everything a restart needs, replaced as a whole. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError, systemCode } from '../errors.ts';
import type { Json } from './component.ts';
import type { Counters } from './counters.ts';
import { crashPoint } from './crash-point.ts';

const VERSION = 1;

export interface Checkpoint {
  version: number;
  /** Snapshots of sources and transforms, and what sinks prepared, by stage. */
  stages: Record<string, Json>;
  counters: Counters;
  /** Set by the last checkpoint of a worker that has nothing left to do. */
  ended?: 'DONE' | 'DRAINED';
}

const pathIn = (directory: string): string => join(directory, 'checkpoint.json');

/** The last checkpoint, or undefined when the worker never made one. */
export async function loadCheckpoint(directory: string): Promise<Checkpoint | undefined> {
  let text: string;
  try {
    text = await readFile(pathIn(directory), 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const checkpoint: Checkpoint = JSON.parse(text);
  if (checkpoint.version !== VERSION) {
    throw new SluiceError(
      'CHECKPOINT_UNUSABLE',
      `${pathIn(directory)} is of version ${checkpoint.version}, not ${VERSION}`,
    );
  }
  return checkpoint;
}

/** Replaces the checkpoint; once this resolves it is on disk. */
export async function saveCheckpoint(
  directory: string,
  checkpoint: Omit<Checkpoint, 'version'>,
): Promise<void> {
  await replaceFile(pathIn(directory), JSON.stringify({ version: VERSION, ...checkpoint }), () =>
    crashPoint('checkpoint.written'),
  );
}

/**
 * Makes the last checkpoint in one folder the first one in another: that of a pipeline that goes on from it, with
 * counters of its own. False when there is none. @param names of the stages whose state goes on, the new ones by the old
 */
export async function inheritCheckpoint(
  from: string,
  to: string,
  names: Readonly<Record<string, string>>,
): Promise<boolean> {
  const checkpoint = await loadCheckpoint(from);
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
  const file = await open(temporary, 'w', 0o600);
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
