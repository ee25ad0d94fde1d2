/** What a worker said on stderr, as far as it is kept. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { stderrFile } from '../worker/places.ts';
import { LAST_WORDS } from './command.ts';

/** The worker may have put a link or a pipe in the place of the file. */
const PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The last of it, nothing where there is none; `directory` is the worker's. */
export function lastWordsIn(directory: string): string {
  let file: number;
  try {
    file = openSync(stderrFile(directory), constants.O_RDONLY | PLAIN);
  } catch {
    // It was never started from here.
    return '';
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return '';
    const { size } = stats;
    const words = Buffer.alloc(Math.min(size, LAST_WORDS));
    readSync(file, words, 0, words.length, size - words.length);
    return words.toString().trim();
  } finally {
    closeSync(file);
  }
}
