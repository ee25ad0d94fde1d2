/** Finds the Pub/Sub that this machine's jobs share, and starts it where it does not run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, pubsubDirectory } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { programArguments } from '../../program.ts';
import { readAnnouncement } from './announcement.ts';
import { LOCKED_STATUS } from './locked.ts';

const IDLE_MS = 30_000;
const START_TIMEOUT_MS = 20_000;
const POLL_MS = 10;

/**
 * The `host:port` of Pub/Sub: the one configured, else that of the embedded service, started if need be.
 * Any number of processes may call it at once: one service comes of it.
 * @throws SluiceError SERVICE_UNREACHABLE when it does not start
 */
export async function ensurePubsub(config: Config, idleMs = IDLE_MS): Promise<{ host: string }> {
  if (config.pubsubHost) return { host: config.pubsubHost };
  // In a container whoever started it keeps the service running.
  if (config.pubsubSocket) return { host: config.pubsubSocket };
  const directory = pubsubDirectory(config);
  const ensuring = underWay.get(directory) ?? findOrStart(directory, idleMs);
  underWay.set(directory, ensuring);
  try {
    return { host: await ensuring };
  } finally {
    underWay.delete(directory);
  }
}

/** Sources and sinks of one process ask at the same moment: one search serves them all. */
const underWay = new Map<string, Promise<string>>();

async function findOrStart(directory: string, idleMs: number): Promise<string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const giveUpMs = Date.now() + START_TIMEOUT_MS;
  let starting: ChildProcess | undefined;
  while (Date.now() < giveUpMs) {
    const host = await runningService(directory);
    if (host) return host;
    if (!starting || starting.exitCode === LOCKED_STATUS || starting.signalCode !== null) {
      // Another is starting or ending: it has the folder, so it is given time to announce itself or to go. One that
      // was killed has not said that it cannot.
      if (starting) await sleep(POLL_MS * 10);
      starting = start(directory, idleMs);
    } else if (starting.exitCode !== null) {
      throw new SluiceError(
        'SERVICE_UNREACHABLE',
        `the embedded Pub/Sub does not start: ${lastWords(directory)}`,
      );
    }
    await sleep(POLL_MS);
  }
  const pid = readAnnouncement(directory)?.pid;
  throw new SluiceError(
    'SERVICE_UNREACHABLE',
    `the embedded Pub/Sub of ${directory} does not answer${pid ? ` (process ${pid})` : ''}`,
  );
}

async function runningService(directory: string): Promise<string | undefined> {
  const announced = readAnnouncement(directory);
  if (!announced) return undefined;
  const { identityAt } = await import('./health.ts');
  const host = `127.0.0.1:${announced.port}`;
  return (await identityAt(host)) === announced.identity ? host : undefined;
}

/** Starts the service as a process that outlives this one and has none of its secrets. */
function start(directory: string, idleMs: number): ChildProcess {
  const main = new URL('./main.ts', import.meta.url);
  const log = openSync(logPath(directory), 'w', 0o600);
  try {
    const flags = [...programArguments(main), directory, String(idleMs)];
    const { PATH, HOME, TMPDIR } = process.env;
    const child = spawn(process.execPath, flags, {
      detached: true,
      stdio: ['ignore', 'ignore', log],
      cwd: directory,
      // Compiled once: the second start takes half the time.
      env: { PATH, HOME, NODE_COMPILE_CACHE: join(directory, 'compiled'), ...(TMPDIR && { TMPDIR }) },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

const logPath = (directory: string) => join(directory, 'server.log');

function lastWords(directory: string): string {
  const lines = readFileSync(logPath(directory), 'utf8').trim().split('\n');
  return lines.find(line => /Error/.test(line)) ?? lines.at(-1) ?? 'it says nothing';
}
