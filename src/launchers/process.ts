/** Launches a worker as a process of this machine. */
import { spawn } from 'node:child_process';
import { programArguments } from '../program.ts';
import { readLines, type WorkerCommand, type WorkerEvent } from '../worker/protocol.ts';

export interface WorkerHandle {
  send(command: WorkerCommand): void;
  /** Makes the worker stop where it is, as if its launcher had died: the job can be resumed. */
  abandon(): void;
  /** Ends a worker that does not obey. */
  kill(): void;
  /** How the process ended, and the last it said on stderr. */
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null; lastWords: string }>;
}

const LAST_WORDS = 2000;

/**
 * Batches are bigger than what glibc takes from its heap by default: it would map and unmap each one, which costs a
 * copying job two thirds of its time in page faults.
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: String(1 << 30), MALLOC_TRIM_THRESHOLD_: String(1 << 30) };

/** The worker collects its garbage itself (see `engine/collect.ts`), without helper threads: the cores are for UDFs. */
const FLAGS = ['--expose-gc', '--single-threaded-gc'];

export function launchProcess(
  jobFile: string,
  index: number,
  onEvent: (event: WorkerEvent) => void,
): WorkerHandle {
  const main = programArguments(new URL('../worker/main.ts', import.meta.url), FLAGS);
  // A group of its own: a Ctrl-C at the terminal is the launcher's to interpret.
  const child = spawn(process.execPath, [...main, jobFile, String(index)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...MALLOC },
  });
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS);
  });
  readLines<WorkerEvent>(child.stdout, onEvent);
  // Writing to a worker that has just ended is no error of ours.
  child.stdin.on('error', () => {});
  return {
    send: command => void child.stdin.write(`${JSON.stringify(command)}\n`),
    abandon: () => void child.stdin.end(),
    kill: () => void child.kill('SIGKILL'),
    exited: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve({ status, signal, lastWords: lastWords.trim() }));
    }),
  };
}
