/**
 * Which letters replays have taken. A replay keeps the letters it was given in files of its own, and its last
 * checkpoint, which is written as its outputs are sealed, says that it has ended and how far it came in them: so what
 * counts as replayed and what was written change in one step.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { loadCheckpoint } from '../engine/checkpoint.ts';
import { keyOf, parseLetter } from './letter.ts';
import { linesOf } from './lines.ts';
import { lettersFolder, type ReplayPosition } from './replay-source.ts';

/** `ended`: what it took is replayed; `begun`: it has to be resumed; `fresh`: nothing has come of it yet. */
export type ReplayProgress = 'ended' | 'begun' | 'fresh';

/** How far a replay is. The keys of the letters that an ended one took are added to `taken`. */
export async function noteTaken(config: Config, jobId: string, taken: Set<string>): Promise<ReplayProgress> {
  const checkpoint = await loadCheckpoint(join(jobDirectory(config, jobId), 'workers', '0'));
  if (!checkpoint?.ended) return checkpoint ? 'begun' : 'fresh';
  const folder = lettersFolder(config, jobId);
  for (const name of await readdir(folder).catch(() => [])) {
    const source = decodeURIComponent(name.replace(/\.ndjson$/, ''));
    const position = checkpoint.stages[source] as unknown as ReplayPosition | undefined;
    for await (const read of linesOf(join(folder, name), { end: position?.offset ?? 0 })) {
      const letter = 'line' in read ? parseLetter(read.line) : read.fault;
      if (typeof letter !== 'string') taken.add(keyOf(letter));
    }
  }
  return 'ended';
}
