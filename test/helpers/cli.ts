import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const command = join(root, 'bin/sluice');
/** Shared by all tests: what is compiled once starts in half the time. */
const NODE_COMPILE_CACHE = join(root, 'node_modules/.cache/node');

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcessWithoutNullStreams;
  finished: Promise<Finished>;
  /** Resolves once stderr or stdout holds this text. */
  says(text: string): Promise<void>;
}

export interface CliOptions {
  home: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string | Buffer;
  /** A program, with its arguments, that becomes the command. */
  by?: string[];
}

/** Starts `bin/sluice` as a user would. */
export function startSluice(args: string[], { home, cwd, env, input, by = [] }: CliOptions): Running {
  const [program = command, ...rest] = [...by, command, ...args];
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, SLUICE_HOME: home, NODE_COMPILE_CACHE, NO_COLOR: '1', ...env },
  });
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  return {
    child,
    finished: new Promise(resolve => child.on('close', status => resolve({ status, ...said }))),
    says: text =>
      new Promise(resolve => {
        const check = () => (said.stdout + said.stderr).includes(text) && resolve();
        listeners.add(check);
        check();
      }),
  };
}

/** Runs `bin/sluice` to its end. */
export function sluice(args: string[], options: CliOptions): Promise<Finished> {
  return startSluice(args, options).finished;
}
