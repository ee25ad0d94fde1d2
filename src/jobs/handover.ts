/**
 * The state of a job that has handed over becomes that of its successor: the folders of its stages are moved, and its
 * checkpoint is the successor's first. What workers told, and the dead letters they keep, stay with the job.
 */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inheritCheckpoint, loadCheckpoint, syncDirectory } from '../engine/checkpoint.ts';
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
  if ((await Promise.all(directories.map(loadCheckpoint))).every(Boolean)) return;
  const before = await loadJob(config, replaces);
  const names = matchStages(graphOf(before), graphOf(after), transformNameMapping);
  for (const [i, to] of directories.entries()) {
    // The checkpoint comes last: where it is, everything it needs is, too.
    if (await loadCheckpoint(to)) continue;
    const from = workerDirectory(jobFile(config, replaces), i);
    await moveStages(from, to, before);
    await inheritCheckpoint(from, to, names);
  }
}

async function moveStages(from: string, to: string, { id, deadLetters = [] }: Job): Promise<void> {
  const letters = deadLetters.filter(({ keptBy }) => keptBy === id);
  const staying = new Set(letters.map(({ stage }) => dirname(keptLettersFile(from, stage))));
  const folder = join(from, 'stages');
  const moved = join(to, 'stages');
  await mkdir(moved, { recursive: true });
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (!staying.has(path)) await rename(path, join(moved, name));
  }
  await syncDirectory(moved);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
