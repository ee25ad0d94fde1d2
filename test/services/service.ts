/** A real server as a process of its own: on a port of its own, with its data in a folder that is gone after the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../helpers/at-end.ts';
import { descendantsOf, isRunning } from '../helpers/processes.ts';
import type { User } from './installation.ts';

export interface Service {
  host: string;
  port: number;
  /** `host:port`. */
  address: string;
  /** The process that was started last. */
  pid(): number;
  /** What it has printed lately. */
  logs(): string;
  /** Kills it and its children, as a power cut would. */
  kill(): Promise<void>;
  /** Brings it back: on the same port, with its data. */
  restart(): Promise<void>;
  /** Halts it: connections stay, nothing is answered before `resume`. */
  pause(): void;
  resume(): void;
}

/** What a server lives as long as: a test, or all tests of a file (see `shared`). */
export type Lifetime = Pick<TestContext, 'after'>;

/** One server for all tests of a file, started when the first of them asks. To be called at the head of the file. */
export function shared<T>(start: (lifetime: Lifetime) => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  let end: () => unknown = () => {};
  after(async () => {
    await started?.catch(() => {});
    await end();
  });
  const lifetime: Lifetime = {
    // Called once, by `atEnd`, for all there is to clean up.
    after: cleanup => {
      end = cleanup as () => unknown;
    },
  };
  return () => {
    started ??= start(lifetime);
    return started;
  };
}

export interface Launch {
  name: string;
  port: number;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Whom it runs as; absent: as ourselves. */
  user?: User;
  /** Asked again and again, with what the server has printed, until it is true. */
  ready(log: string): boolean | Promise<boolean>;
  timeoutMs?: number;
}

const START_TIMEOUT_MS = 120_000;
const HOST = '127.0.0.1';

/** Starts a server, and resolves once it is ready. */
export async function startProcess(t: Lifetime, launch: Launch): Promise<Service> {
  let running = await spawnReady(launch);
  atEnd(t, () => running.kill());
  return {
    host: HOST,
    port: launch.port,
    address: `${HOST}:${launch.port}`,
    pid: () => running.pid,
    logs: () => running.logs(),
    kill: () => running.kill(),
    async restart() {
      await running.kill();
      running = await spawnAgain(launch);
    },
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
  };
}

const PORT_TRIES = 20;

/** The last threads of a killed server may hold its port for a moment after it seems gone. */
async function spawnAgain(launch: Launch, tries = PORT_TRIES): Promise<RunningProcess> {
  try {
    return await spawnReady(launch);
  } catch (error) {
    if (tries === 0 || !/address already in use/i.test(String(error))) throw error;
    await sleep(250);
    return spawnAgain(launch, tries - 1);
  }
}

/** A folder for the data of a server, for the user it runs as. */
export async function serviceFolder(t: Lifetime, user?: User): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  if (user) chownSync(folder, user.uid, user.gid);
  atEnd(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return folder;
}

/**
 * A free port that no outgoing connection is given, so that a server which is killed finds its own free again: below
 * the range that systems take those from.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isFree(port)) return port;
  }
}

interface RunningProcess {
  pid: number;
  logs(): string;
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

const MAX_LOG_CHARACTERS = 100_000;

async function spawnReady(launch: Launch): Promise<RunningProcess> {
  const { name, command, args, user, ready, timeoutMs = START_TIMEOUT_MS } = launch;
  const [file = command, ...rest] = [...DIES_WITH_US, command, ...args];
  const child = spawn(file, rest, {
    cwd: launch.cwd,
    env: { ...process.env, ...launch.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  const running = follow(child);
  const endMs = Date.now() + timeoutMs;
  let failure: unknown;
  child.once('error', error => {
    failure = error;
  });
  while (!(await Promise.resolve(ready(running.logs())).catch(() => false))) {
    failure ??= child.exitCode ?? child.signalCode;
    if (failure === undefined || failure === null)
      failure = Date.now() > endMs ? `not ready within ${timeoutMs / 1000} s` : undefined;
    if (failure !== undefined) {
      await running.kill();
      throw new Error(`${name} did not start (${failure}):\n${running.logs().slice(-4000)}`);
    }
    await sleep(25);
  }
  return running;
}

/** Kept by the kernel, so that it holds also when the test is killed. */
const DIES_WITH_US = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];

function follow(child: ChildProcess): RunningProcess {
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-MAX_LOG_CHARACTERS);
    });
  const family = () => (child.pid === undefined ? [] : [child.pid, ...descendantsOf(child.pid)]);
  return {
    pid: child.pid ?? 0,
    logs: () => log,
    signal: signal => family().forEach(pid => void signalTo(pid, signal)),
    async kill() {
      const pids = family();
      for (const pid of pids) signalTo(pid, 'SIGKILL');
      while (pids.some(isRunning)) await sleep(5);
    },
  };
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise(resolve => {
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
