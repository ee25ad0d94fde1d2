/** Workers as processes of this machine that go on when whoever launched them ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Config } from '../config.ts';
import { systemCode } from '../errors.ts';
import { holderOf, replaceText } from '../worker/claim.ts';
import { isRunning, type ProcessIdentity } from '../worker/identity.ts';
import { stderrFile, turnFile, workerDirectory } from '../worker/places.ts';
import { allocation, workerArguments } from './command.ts';
import { environmentOf, workerEnvironment } from './environment.ts';
import { lastWordsIn } from './last-words.ts';
import type { LaunchedWorker, Launcher, WorkerEnd } from './launcher.ts';

/** How often we look whether a process that is not our child still runs. */
const LOOK_MS = 200;
/** The worker may have put a link or a pipe in the place of a file of ours. */
const PLAIN = constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** From the beginning, and each write behind what others wrote. */
const AFRESH = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND | PLAIN;

export function processLauncher(config: Config): Launcher {
  return {
    start(jobFile, index) {
      const directory = workerDirectory(jobFile, index);
      const token = randomUUID();
      let stderr: number;
      try {
        mkdirSync(directory, { recursive: true });
        replaceText(turnFile(directory), token);
        stderr = openSync(stderrFile(directory), AFRESH, 0o600);
      } catch (error) {
        if (!OUT_OF_PLACE.has(systemCode(error) ?? '')) throw error;
        return notStarted(`its folder cannot be used: ${error}`);
      }
      try {
        const child = spawn(process.execPath, [...workerArguments(jobFile, index), token], {
          // A session of its own: neither our terminal nor our end is its concern.
          detached: true,
          stdio: ['ignore', stderr, stderr],
          env: { ...workerEnvironment(process.env), ...environmentOf(config), ...allocation },
        });
        child.unref();
        if (child.pid !== undefined) giveWay(child.pid);
        return followChild(child, directory);
      } finally {
        closeSync(stderr);
      }
    },
    async find(jobFile, index) {
      const directory = workerDirectory(jobFile, index);
      const identity = holderOf(directory);
      return identity && followStranger(identity, directory);
    },
  };
}

/** What the system says where a worker has put something else in the place of a file of ours. */
const OUT_OF_PLACE = new Set(['EACCES', 'EISDIR', 'ELOOP', 'ENOTDIR', 'ENOTEMPTY', 'ENXIO', 'EPERM']);

function notStarted(message: string): LaunchedWorker {
  const failure = { code: 'WORKER_FAULTY' as const, message };
  return { ended: Promise.resolve({ how: message, lastWords: '', failure }), kill() {}, forget() {} };
}

/** The server answers while workers use every core, so they come after it. */
const NICENESS = 10;

function giveWay(pid: number): void {
  try {
    setPriority(pid, NICENESS);
    // Linux weighs whole sessions against each other: there a priority counts only within one.
    writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
  } catch {
    // It has just ended, or the system has no such thing: it runs all the same.
  }
}

function followChild(child: ChildProcess, directory: string): LaunchedWorker {
  const ended = new Promise<WorkerEnd>(resolve => {
    child.on('error', error => resolve({ how: `could not be started: ${error.message}`, lastWords: '' }));
    child.on('exit', (status, signal) => {
      const how = signal ? `was killed by ${signal}` : `ended with status ${status}`;
      resolve({ how, ...(status !== null && { status }), lastWords: lastWordsIn(directory) });
    });
  });
  return {
    ended,
    kill: () => void child.kill('SIGKILL'),
    forget: () => void child.removeAllListeners(),
  };
}

function followStranger(identity: ProcessIdentity, directory: string): LaunchedWorker {
  const { promise: ended, resolve } = Promise.withResolvers<WorkerEnd>();
  const looking = setInterval(() => {
    if (isRunning(identity)) return;
    clearInterval(looking);
    resolve({ how: 'is gone', lastWords: lastWordsIn(directory) });
  }, LOOK_MS);
  return {
    ended,
    kill: () => {
      try {
        if (isRunning(identity)) process.kill(identity.pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    },
    forget: () => clearInterval(looking),
  };
}
