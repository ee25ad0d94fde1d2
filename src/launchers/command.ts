/** How the program of a worker is called. */
import { programArguments } from '../program.ts';

/** The worker collects its garbage itself (see `engine/collect.ts`), without helper threads: the cores are for UDFs. */
const FLAGS = ['--expose-gc', '--single-threaded-gc'];

/**
 * Batches are bigger than what glibc takes from its heap by default: it would map and unmap each one, which costs a
 * copying job two thirds of its time in page faults.
 */
export const allocation = {
  MALLOC_MMAP_THRESHOLD_: String(1 << 30),
  MALLOC_TRIM_THRESHOLD_: String(1 << 30),
};

/** How much is kept of what a worker said on stderr. */
export const LAST_WORDS = 2000;

/** Arguments for `process.execPath`. */
export const workerArguments = (jobFile: string, index: number): string[] => [
  ...programArguments(new URL('../worker/main.ts', import.meta.url), FLAGS),
  jobFile,
  String(index),
];
