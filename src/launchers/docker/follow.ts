/** Watches a container to its end, through restarts of the engine too, and takes it away then. */
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { asSluiceError } from '../../errors.ts';
import { LAST_WORDS } from '../command.ts';
import type { LaunchedWorker, WorkerEnd } from '../launcher.ts';
import { engineError, inTime, isAbsent, statusOf } from './engine.ts';
import type { ProgramRelay } from './program-relay.ts';
import { withoutReports } from './program-report.ts';

export interface Followed {
  docker: Docker;
  id: string;
  /** How it is called in messages: `worker 0`. */
  what: string;
  /** The name of its image. */
  image: string;
  /** When it has ended and is gone. */
  cleanUp(): Promise<void>;
  /** Tells what a program says and how it ends; absent where Sluice's own worker does that. */
  relay?: ProgramRelay;
}

/** An engine that is started again is back by then, or will not be. */
const ENGINE_BACK_MS = 30_000;
const LOOK_MS = 1000;
const SIGNALLED = 128;

/** Follows the container that comes of `starting`; what that rejects with is why there is none. */
export function follow(config: Config, starting: Promise<Followed>): LaunchedWorker {
  const leaving = new AbortController();
  let isKilled = false;
  let followed: Followed | undefined;

  const kill = async () => {
    await followed?.docker
      .getContainer(followed.id)
      .kill(inTime())
      .catch(() => {
        // It has ended, or the engine is not there: then it is killed when that is back.
      });
  };
  /** Undefined when it is to be looked at again, for the engine was away. */
  const lookAt = async (container: Followed): Promise<WorkerEnd | undefined> => {
    try {
      if (isKilled) await kill();
      await ended(container, leaving.signal);
      return await endOf(container);
    } catch (error) {
      if (leaving.signal.aborted) return undefined;
      if (isAbsent(error)) return { how: 'is gone: somebody has removed its container', lastWords: '' };
      if (statusOf(error) === undefined && (await isBack(container.docker, leaving.signal))) return undefined;
      return failureOf(error, config);
    }
  };
  const watch = async (): Promise<WorkerEnd> => {
    followed = await starting;
    for (;;) {
      const end = await lookAt(followed);
      if (leaving.signal.aborted) {
        await followed.relay?.leave();
        return new Promise(() => {});
      }
      if (end) {
        await followed.cleanUp();
        return end;
      }
    }
  };

  return {
    ended: watch().catch(error => failureOf(error, config)),
    kill: () => {
      isKilled = true;
      void kill();
    },
    forget: () => leaving.abort(),
  };
}

/**
 * Resolves when the container has ended; rejects when the engine goes away before. What the engine's client has for this
 * would not notice: the answer has begun with the question, and is then never finished.
 */
function ended({ docker, id }: Followed, signal: AbortSignal): Promise<void> {
  const question = {
    path: `/containers/${id}/wait`,
    method: 'POST',
    isStream: true,
    abortSignal: signal,
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(question, (error: unknown, answer?: unknown) => {
      if (answer instanceof Readable) finished(answer.resume()).then(resolve, reject);
      else reject(error);
    });
  });
}

/** Removes a container, whatever it does; one that is not there is no fault. */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  await docker
    .getContainer(id)
    .remove({ force: true, v: true, ...inTime() })
    .catch(error => {
      if (statusOf(error) === undefined) throw error;
    });
}

function failureOf(error: unknown, config: Config): WorkerEnd {
  const { code, message } = engineError(error, config);
  return { how: message, lastWords: '', failure: { code, message } };
}

async function isBack(docker: Docker, signal: AbortSignal): Promise<boolean> {
  const giveUp = Date.now() + ENGINE_BACK_MS;
  while (Date.now() < giveUp && !signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    if (await docker.listContainers({ limit: 1, ...inTime() }).then(Boolean, () => false)) return true;
  }
  return false;
}

/** How it ended; undefined while it runs after all. */
async function endOf({ docker, id, what, image, relay }: Followed): Promise<WorkerEnd | undefined> {
  const container = docker.getContainer(id);
  const { State: state, HostConfig: host = {} } = await container.inspect(inTime());
  if (state.Running) return undefined;
  const said = textIn(
    await container.logs({ stdout: true, stderr: true, tail: 50, ...inTime() }).catch(() => Buffer.alloc(0)),
  );
  const { ExitCode: status, OOMKilled: isOutOfMemory } = state;
  const how = howItEnded(status) + processHint(status, said, host.PidsLimit);
  const fault = unstartable(status, said);
  const failure: WorkerEnd['failure'] =
    fault === undefined
      ? memoryFailure(what, status, isOutOfMemory, host.Memory)
      : { code: 'IMAGE_INVALID', message: `the image ${image} cannot be started: ${fault}` };
  // What a program has reported is told already.
  const lastWords = (relay ? withoutReports(said) : said).slice(-LAST_WORDS);
  const end: WorkerEnd = { how, status, lastWords, ...(failure && { failure }) };
  await relay?.finish(end).catch(error => {
    // A disk may have room again; a folder that somebody has removed is gone.
    if (asSluiceError(error).code === 'DISK_FULL') throw error;
  });
  await removeContainer(docker, id);
  return end;
}

function howItEnded(status: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - SIGNALLED)?.[0];
  return signal === undefined ? `ended with status ${status}` : `was killed by ${signal}`;
}

/** What the init process says of a program that it cannot start. */
function unstartable(status: number, said: string): string | undefined {
  const [, fault] = /^\[FATAL tini \(\d+\)\] (exec .*)$/m.exec(said) ?? [];
  return status === 126 || status === 127 ? fault : undefined;
}

/** What the runtimes and libraries say where no further process or thread can be made. */
const NO_PROCESS = /Resource temporarily unavailable|\bEAGAIN\b|pthread_create|uv_thread_create/;

/** Only an addition: anybody may say such words, and the engine keeps no count. */
export function processHint(status: number, said: string, pids?: number): string {
  if (status === 0 || !pids || !NO_PROCESS.test(said.slice(-LAST_WORDS))) return '';
  return ` (it may have met its limit of ${pids} processes: --pids)`;
}

function memoryFailure(
  what: string,
  status: number,
  isOutOfMemory: boolean,
  memory = 0,
): WorkerEnd['failure'] {
  if (!isOutOfMemory || status !== SIGNALLED + constants.signals.SIGKILL) return undefined;
  const limit = `memory limit ${Math.round(memory / (1 << 20))} MiB`;
  return { code: 'MEMORY_LIMIT', message: `${what} was killed: ${limit}` };
}

const FRAME_HEADER = 8;

/** What is in frames: which stream, three zeros, the length, the bytes. */
function textIn(frames: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + FRAME_HEADER <= frames.length; ) {
    const end = at + FRAME_HEADER + frames.readUInt32BE(at + 4);
    parts.push(frames.subarray(at + FRAME_HEADER, end));
    at = end;
  }
  return Buffer.concat(parts).toString().trim();
}
