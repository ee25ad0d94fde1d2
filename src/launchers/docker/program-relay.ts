/**
 * Between a program in a container and the supervisor: what it says on its streams becomes events and progress in the
 * files of its worker, as a worker of Sluice's own writes them, and what is wished of it becomes signals.
 */
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { replaceText } from '../../worker/claim.ts';
import { type NotedEvent, openEventLog } from '../../worker/event-log.ts';
import { limitMessages, type Message } from '../../worker/message-limit.ts';
import { progressFile, workerDirectory } from '../../worker/places.ts';
import { programLabels } from '../../worker/program.ts';
import type { WorkerEnd } from '../launcher.ts';
import { inTime, statusOf } from './engine.ts';
import { type LogLine, readLog } from './program-log.ts';
import { imbalanceOf, noteLine, plain, type Said } from './program-report.ts';
import { keepRelay, relayedOf, type StreamName } from './program-state.ts';
import { endOfProgram, orderIn, signalFor } from './program-wish.ts';

export interface ProgramRelay {
  /** The container has ended so: reads what is left, and tells the end. */
  finish(end: WorkerEnd): Promise<void>;
  /** Follows it no more; it goes on. */
  leave(): Promise<void>;
}

export interface RelayedProgram {
  docker: Docker;
  /** Of its container. */
  id: string;
  jobFile: string;
  index: number;
}

const STREAMS = ['stdout', 'stderr'] as const;
/** How often we look for a wish, and note what has changed. */
const LOOK_MS = 200;
const HEALTH_MS = 500;
/** How soon we look again when the engine has ended a stream of a container that runs. */
const AGAIN_MS = 1000;
/** No more is read of what it says: others must come to their turn. */
const BYTES_PER_MS = 4096;
/** A container that has ended says nothing new: silence is the engine's. */
const REST_MS = 60_000;

/** Follows a program that was just started, or was found again and is followed from where that was left. */
export function relayProgram({ docker, id, jobFile, index }: RelayedProgram): ProgramRelay {
  const container = docker.getContainer(id);
  const directory = workerDirectory(jobFile, index);
  const relayed = relayedOf(directory, id);
  const log = openEventLog(directory, `${basename(dirname(jobFile))}/${index}/${id.slice(0, 12)}`);
  const limit = limitMessages();
  const leaving = new AbortController();
  const { signal } = leaving;
  let isDirty = false;

  const append = (event: NotedEvent, name: string) => orLater(() => log.append(event, { name }));
  const tell = (said: Said, { at, time }: Pick<LogLine, 'at' | 'time'>) => {
    if (!said) return;
    const message: Message = { type: 'message', ...said, time };
    for (const each of limit.take(message)) append(each, each === message ? at : `${at}/left-out`);
  };
  const noteRunning = () => {
    relayed.report.isRunning = true;
    if (relayed.hasToldRunning) return;
    relayed.hasToldRunning = true;
    append({ type: 'running' }, 'running');
  };
  const note = (stream: StreamName, line: LogLine) => {
    isDirty = true;
    const { report } = relayed;
    const said = stream === 'stdout' && !line.isCut ? noteLine(report, line.text) : plain(line.text);
    tell(said, { ...line, at: `${stream}/${line.at}` });
    if (report.isRunning) noteRunning();
  };
  const save = () => {
    if (!isDirty) return;
    replaceText(progressFile(directory), JSON.stringify(relayed.report.progress));
    keepRelay(directory, relayed);
    isDirty = false;
  };

  /** Reads one stream to its end; the engine ends it with the container, or with itself. */
  const read = async (stream: StreamName, stop: AbortSignal, isLast: boolean) => {
    const reader = readLog(relayed.positions[stream]);
    const chunks = await container.logs({
      follow: true,
      stdout: stream === 'stdout',
      stderr: stream === 'stderr',
      timestamps: true,
      ...sinceOf(relayed.positions[stream].time),
      abortSignal: stop,
    });
    const pace = paceOf();
    for await (const chunk of chunks) {
      for (const line of reader.take(Buffer.from(chunk))) note(stream, line);
      relayed.positions[stream] = reader.position();
      await pace(chunk.length);
    }
    if (isLast) for (const line of reader.rest()) note(stream, line);
  };
  const follow = async (stream: StreamName) => {
    while (!signal.aborted) {
      // What was not read is read again, from the last whole line on.
      await read(stream, signal, false).catch(() => {});
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  };
  const watchHealth = async () => {
    while (!signal.aborted && !relayed.report.isRunning) {
      const seen = await container.inspect(inTime()).catch(() => undefined);
      if (seen?.Config.Labels?.[programLabels.reports] === 'true') return;
      const health = seen?.State.Health?.Status;
      if (seen?.State.Running && (health === undefined || health === 'none' || health === 'healthy')) {
        isDirty = true;
        return noteRunning();
      }
      await sleep(HEALTH_MS, undefined, { signal }).catch(() => {});
    }
  };
  const obey = async () => {
    const wish = orderIn(jobFile);
    if (wish === undefined || wish === relayed.asked) return;
    const wanted = signalFor(wish, relayed.asked);
    if (wanted) await container.kill({ signal: wanted, ...inTime() }).catch(ignoreAnswer);
    relayed.asked = wish;
    isDirty = true;
  };
  const look = async () => {
    while (!signal.aborted) {
      await obey().catch(() => {});
      orLater(save);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  };

  if (!relayed.isFound) append({ type: 'started' }, 'started');
  isDirty = true;
  orLater(save);
  const working = Promise.all([...STREAMS.map(follow), watchHealth(), look()]);
  const leave = async () => {
    leaving.abort();
    await working;
    orLater(save);
  };
  return {
    leave,
    async finish(end) {
      await leave();
      for (const stream of STREAMS) await read(stream, AbortSignal.timeout(REST_MS), true);
      const time = new Date().toISOString();
      for (const [at, left] of limit.flush().entries()) append({ ...left, time }, `end/left-out-${at}`);
      const event = endOfProgram(end, relayed.report, orderIn(jobFile) ?? relayed.asked);
      const imbalance = imbalanceOf(relayed.report);
      if (event.type === 'ended' && event.state !== 'CANCELLED' && imbalance !== undefined)
        append({ type: 'message', severity: 'WARNING', text: imbalance, time }, 'end/imbalance');
      isDirty = true;
      save();
      log.append(event, { name: 'end', durable: true });
    },
  };
}

/** The program goes on whatever can be noted of it: a word on the way may be missing, the last one may not. */
function orLater(write: () => void): void {
  try {
    write();
  } catch {
    // Tried again, if it is to be kept.
  }
}

/** An answer, e.g. that it does not run any more, is as good as done; where none comes it is to be asked again. */
function ignoreAnswer(error: unknown): void {
  if (statusOf(error) === undefined) throw error;
}

/** The moment in the form in which the engine takes it, to the nanosecond. */
function sinceOf(time: string): { since?: number } {
  const [, seconds, fraction = ''] = /^([^.]+?)(?:\.(\d+))?Z$/.exec(time) ?? [];
  if (seconds === undefined) return {};
  const since = `${Date.parse(`${seconds}Z`) / 1000}.${fraction.padEnd(9, '0')}`;
  // It goes into the query as it is; a number would lose the last digits.
  return { since: since as unknown as number };
}

function paceOf(): (bytes: number) => Promise<void> {
  let freeMs = 0;
  return async bytes => {
    const now = Date.now();
    freeMs = Math.max(freeMs, now) + bytes / BYTES_PER_MS;
    if (freeMs - now > LOOK_MS / 10) await sleep(freeMs - now);
  };
}
