/** Launches a worker as a process of this machine that ends with its launcher. */
import { spawn } from 'node:child_process';
import { readLines, type WorkerCommand, type WorkerEvent } from '../worker/protocol.ts';
import { allocation, LAST_WORDS, workerArguments } from './command.ts';

export interface WorkerHandle {
  send(command: WorkerCommand): void;
  /** Makes the worker stop where it is, as if its launcher had died: the job can be resumed. */
  abandon(): void;
  /** Ends a worker that does not obey. */
  kill(): void;
  /** How the process ended, and the last it said on stderr. */
  readonly exited: Promise<{ status: number | null; signal: NodeJS.Signals | null; lastWords: string }>;
}

export function launchProcess(
  jobFile: string,
  index: number,
  onEvent: (event: WorkerEvent) => void,
): WorkerHandle {
  // A group of its own: a Ctrl-C at the terminal is the launcher's to interpret.
  const child = spawn(process.execPath, workerArguments(jobFile, index), {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...allocation },
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
