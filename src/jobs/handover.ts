/**
 * The state of a job that has handed over becomes that of its successor: the folders of its stages are moved, and its
 * checkpoint is the successor's first. What workers told, and the dead letters they keep, stay with the job.
 */
import { lstat, mkdir, opendir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  inheritCheckpoint,
  loadCheckpoint,
  MAX_INHERITED_BYTES,
  syncDirectory,
} from '../engine/checkpoint.ts';
import { keptLettersFile } from '../engine/dead-letter.ts';
import { SluiceError, systemCode } from '../errors.ts';
import type { JobRecord } from '../store/record.ts';
import { isEnded } from '../store/states.ts';
import type { JobHome, Store } from '../store/store.ts';
import { graphOf } from '../worker/graph.ts';
import type { Job } from '../worker/job-file.ts';
import { workerDirectory } from '../worker/places.ts';
import { matchStages } from './handover-match.ts';
import { jobFile, loadJob } from './job.ts';

/** True while a job waits for the one that it replaces. */
export function isWaiting({ jobs }: Pick<Store, 'jobs'>, record: JobRecord): boolean {
  const state = takesOver(record) && jobs.get(record.replaces)?.state;
  return state !== false && state !== undefined && !isEnded(state);
}

/** True until a job that replaces another has run with what it took over. */
export const takesOver = (record: JobRecord): record is JobRecord & { replaces: string } =>
  record.replaces !== undefined && record.startTime === undefined;

/**
 * Gives a job the state of the one it replaces. Repeatable, wherever it was interrupted.
 * @throws SluiceError UPDATE_REFUSED when that has ended without handing over
 */
export async function takeState({ config, store }: JobHome, record: JobRecord): Promise<void> {
  if (!takesOver(record)) return;
  const { id, replaces, transformNameMapping } = record;
  const state = store.jobs.get(replaces)?.state;
  if (state !== 'UPDATED')
    throw new SluiceError(
      'UPDATE_REFUSED',
      `job ${replaces}, which this one was to take over from, ended before it could hand over${state ? `: it is ${state}` : ''}`,
    );
  const after = await loadJob(config, id);
  const directories = Array.from({ length: after.workers }, (_, i) =>
    workerDirectory(jobFile(config, id), i),
  );
  const load = (directory: string) => loadCheckpoint(directory, MAX_INHERITED_BYTES);
  if ((await Promise.all(directories.map(load))).every(Boolean)) return;
  const before = await loadJob(config, replaces);
  const names = matchStages(graphOf(before), graphOf(after), transformNameMapping);
  for (const [i, to] of directories.entries()) {
    // The checkpoint comes last: where it is, everything it needs is, too.
    if (await load(to)) continue;
    const from = workerDirectory(jobFile(config, replaces), i);
    try {
      await moveStages(from, to, before);
      await inheritCheckpoint(from, to, names);
    } catch (error) {
      if (OUT_OF_PLACE.has(systemCode(error) ?? '')) throw faulty(`${STAGES} cannot be taken over: ${error}`);
      throw error;
    }
  }
}

/** What the system says where a worker has left something that is not what a worker leaves. */
const OUT_OF_PLACE = new Set([
  'EACCES',
  'EEXIST',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ENOTEMPTY',
  'ENXIO',
  'EPERM',
]);

async function moveStages(from: string, to: string, { id, deadLetters = [] }: Job): Promise<void> {
  const letters = deadLetters.filter(({ keptBy }) => keptBy === id);
  const staying = new Set(letters.map(({ stage }) => dirname(keptLettersFile(from, stage))));
  const folder = join(from, 'stages');
  const moved = join(to, 'stages');
  await mkdir(moved, { recursive: true });
  await requireFolder(moved);
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (!staying.has(path)) await rename(path, join(moved, name));
  }
  await syncDirectory(moved);
}

/** Nobody has so many stages. */
const MAX_NAMES = 10_000;

async function namesIn(folder: string): Promise<string[]> {
  try {
    await requireFolder(folder);
    const names: string[] = [];
    for await (const { name } of await opendir(folder))
      if (names.push(name) > MAX_NAMES) throw faulty(`${STAGES} holds more than ${MAX_NAMES} files`);
    return names;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Its worker may have been anybody, and a link would lead us elsewhere. */
async function requireFolder(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) throw faulty(`${STAGES} is not a folder`);
}

const STAGES = 'the folder of the stages of a worker';
const faulty = (why: string): SluiceError => new SluiceError('WORKER_FAULTY', why);
