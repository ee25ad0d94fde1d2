/**
 * The state of a job that has handed over becomes that of its successor: the folders of its stages are moved, and its
 * checkpoint is the successor's first. What workers told, and the dead letters they keep, stay with the job.
 */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { inheritCheckpoint, loadCheckpoint, syncDirectory } from '../engine/checkpoint.ts';
import { keptLettersFile } from '../engine/dead-letter.ts';
import { SluiceError, systemCode } from '../errors.ts';
import type { JobRecord } from '../store/record.ts';
import { isEnded } from '../store/states.ts';
import { graphOf } from '../worker/graph.ts';
import type { Job } from '../worker/job-file.ts';
import { workerDirectory } from '../worker/places.ts';
import { matchStages } from './handover-match.ts';
import { jobFile, loadJob } from './job.ts';

/**
 * Whether a job may start: one that replaces another waits until that has handed over.
 * @throws SluiceError UPDATE_REFUSED when it has ended in another way, so that there is nothing to take over
 */
export function mayTakeOver(
  { replaces, startTime }: JobRecord,
  stateOf: (id: string) => JobRecord['state'] | undefined,
): boolean {
  if (replaces === undefined || startTime !== undefined) return true;
  const state = stateOf(replaces);
  if (state === 'UPDATED') return true;
  if (state !== undefined && !isEnded(state)) return false;
  throw new SluiceError(
    'UPDATE_REFUSED',
    `job ${replaces}, which this one was to take over from, ended before it could hand over${state ? `: it is ${state}` : ''}`,
  );
}

/** Gives a job the state of the one it replaces, which has handed over. Repeatable, wherever it was interrupted. */
export async function takeState(
  config: Config,
  { id, replaces, transformNameMapping }: JobRecord,
): Promise<void> {
  if (replaces === undefined) return;
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
