/** One worker of a job: found or started, followed, and started again from its checkpoint when it crashed. */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { openCheckpoint } from '../../engine/checkpoint.ts';
import { SluiceError } from '../../errors.ts';
import type { LaunchedWorker, Launcher, WorkerEnd } from '../../launchers/launcher.ts';
import { withoutCommands } from '../../worker/check-told.ts';
import { DISK_FULL_STATUS, TAKEN_STATUS } from '../../worker/claim.ts';
import type { LoggedEvent } from '../../worker/event-log.ts';
import { limitMessages, type Message } from '../../worker/message-limit.ts';
import { progressFile, workerDirectory } from '../../worker/places.ts';
import type { WorkerEvent, WorkerProgress } from '../../worker/protocol.ts';
import { readProgress } from '../../worker/read-progress.ts';
import { alarm } from './alarm.ts';
import { readEvents } from './event-reader.ts';
import { isStartedAgain, waitAfter } from './retry.ts';

export interface WorkerSetup {
  jobId: string;
  jobFile: string;
  index: number;
  streaming: boolean;
  launcher: Launcher;
  /** It is a program of somebody else's, which is never started twice: it might do twice what it has done. */
  isProgram: boolean;
  /** How long it may take until it runs; absent: as long as it takes. */
  startTimeoutMs?: number;
  /** False when workers of this job were started before, by a server that has gone. */
  isFresh: boolean;
  /** How long to wait before it is first started again. */
  firstRetryMs: number;
  /** False for an end that somebody must have wished for, if nobody has: it is that of an earlier attempt. */
  isTheEnd(state: Ended['state']): boolean;
  /** False once the job is to end: a worker that crashes now stays away. */
  mayStart(): boolean;
  onMessages(messages: LoggedMessage[]): void;
  /** It has come so far that it runs, or to its end. */
  onChange(): void;
  onRestart(failure: Failure, waitMs: number): void;
}

/** A message, and the name of the event that it was. */
export interface LoggedMessage {
  at: string;
  message: Message;
}

export type Ended = Extract<WorkerEvent, { type: 'ended' }>;

export interface Failure {
  code: string;
  message: string;
}

export interface WorkerRun {
  progress?: WorkerProgress;
  isRunning: boolean;
  end?: Ended;
  /** What it failed with for good; absent when it ended, was stopped or is left to itself. */
  readonly finished: Promise<Failure | undefined>;
  /** Does not wait any longer with starting it again. */
  hurry(): void;
  /** Kills it, and starts it no more. */
  stop(): void;
  /** Watches it no more; it goes on. */
  leave(): void;
}

/** How often we look what it has told. */
const LOOK_MS = 100;
const PROGRESS_LOOKS = 5;
/** So often we look after its last word whether it is gone: a busy thread can keep a process from ending. */
const LAST_LOOKS = 50;
/** The two files of its events have no more parts to be read. */
const MOST_LOOKS = 100;
/** No more of it counts: a worker keeps to less, and a job's last 10,000 messages are kept. */
const KEPT_MESSAGES = { burst: 10_000, perSecond: 10 };
/** A checkpoint differs from the one before in its first bytes, or it is no worker's. */
const HASHED_BYTES = 1 << 26;

export function runWorker(setup: WorkerSetup): WorkerRun {
  const { jobFile, index, launcher } = setup;
  const directory = workerDirectory(jobFile, index);
  const reader = readEvents(directory, setup.jobId);
  const bell = alarm();
  let worker: LaunchedWorker | undefined;
  const limit = limitMessages(Date.now, KEPT_MESSAGES);
  let failed: Failure | undefined;
  /** What it did that no worker does: it is believed no more, and started no more. */
  let fault: Failure | undefined;
  let hasBegun = false;
  let isStopped = false;
  let isLeft = false;

  const note = ({ event }: LoggedEvent) => {
    hasBegun = true;
    if ('progress' in event && event.progress) run.progress = event.progress;
    if (event.type === 'started') failed = run.end = undefined;
    if (event.type === 'started') run.isRunning = false;
    if (event.type === 'running') run.isRunning = true;
    if (event.type === 'ended' && setup.isTheEnd(event.state)) run.end = event;
    // Of one that was killed for being too late the reason is known.
    if (event.type === 'failed') failed ??= { code: event.code, message: event.message };
  };
  /** Sees what it has written, unless that was wrong before. */
  const see = async (reading: () => Promise<void>) => {
    if (fault) return;
    try {
      await reading();
    } catch (thrown) {
      if (!(thrown instanceof SluiceError)) throw thrown;
      fault = { code: thrown.code, message: thrown.message };
    }
  };
  const look = () =>
    see(async () => {
      const events = await reader.read();
      for (const event of events) note(event);
      if (events.some(({ event: { type } }) => type === 'running' || type === 'ended')) setup.onChange();
      const messages = events.flatMap(({ at, event }) => (event.type === 'message' ? kept(at, event) : []));
      if (messages.length > 0) setup.onMessages(messages);
    });
  /** As far as it has told until now. */
  const lookAtAll = async () => {
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      await look();
      if (fault || !reader.isBehind()) return;
    }
  };
  const kept = (at: string, message: Message): LoggedMessage[] =>
    limit
      .take(message)
      .map(each => (each === message ? { at, message } : { at: `${at}/left out`, message: each }));
  const lookHow = progressReader(directory);
  const lookHowFar = () =>
    see(async () => {
      if (!run.end) run.progress = (await lookHow()) ?? run.progress;
    });

  /** Until the process has ended, or it is left to itself. */
  const follow = async (followed: LaunchedWorker): Promise<WorkerEnd | undefined> => {
    let end: WorkerEnd | undefined;
    followed.ended.then(how => {
      end = how;
      bell.ring();
    });
    let looksSinceLast = 0;
    const { startTimeoutMs = Number.POSITIVE_INFINITY } = setup;
    const giveUpMs = Date.now() + startTimeoutMs;
    for (let looks = 0; !end && !isLeft; looks++) {
      await bell.wait(LOOK_MS);
      await look();
      if (looks % PROGRESS_LOOKS === 0) await lookHowFar();
      if (!run.isRunning && !run.end && !failed && Date.now() > giveUpMs)
        failed = { code: 'START_TIMEOUT', message: notBegun(index, startTimeoutMs) };
      if (fault || ((run.end || failed) && ++looksSinceLast > LAST_LOOKS)) followed.kill();
    }
    if (!end) followed.forget();
    await lookAtAll();
    return end;
  };

  const supervise = async (): Promise<Failure | undefined> => {
    await lookAtAll();
    await lookHowFar();
    if (setup.isFresh) failed = undefined;
    // One that was started before and is not there has crashed.
    let isSilent = !setup.isFresh && hasBegun;
    let checkpoint: string | undefined;
    const lookWhere = () =>
      see(async () => {
        checkpoint = await checkpointIn(directory);
      });
    await lookWhere();
    for (let failures = 0; ; ) {
      if (isLeft) return undefined;
      worker = await launcher.find(jobFile, index);
      if (isStopped) worker?.kill();
      if (!worker && fault) return fault;
      if (!worker && (run.end || isStopped || !setup.mayStart())) return undefined;
      if (!isSilent) worker ??= launcher.start(jobFile, index);
      isSilent = false;
      const end: WorkerEnd | undefined = worker ? await follow(worker) : { how: 'is gone', lastWords: '' };
      worker = undefined;
      if (end && fault) return fault;
      if (!end || run.end || isStopped || !setup.mayStart()) return undefined;
      if (end.status === TAKEN_STATUS && (await launcher.find(jobFile, index))) continue;

      const failure = failed ?? lost(index, end, setup.isProgram);
      const before = checkpoint;
      await lookWhere();
      if (fault) return fault;
      failures = checkpoint === before ? failures + 1 : 1;
      const hasCheckpoint = checkpoint !== undefined;
      if (setup.isProgram && hasBegun && failure.code !== 'ENGINE_UNREACHABLE') return failure;
      if (!isStartedAgain(failure.code, failures, { streaming: setup.streaming, hasCheckpoint }))
        return failure;
      const waitMs = waitAfter(failures, setup.firstRetryMs);
      failed = undefined;
      run.isRunning = false;
      setup.onRestart(failure, waitMs);
      await bell.wait(waitMs);
    }
  };

  const run: WorkerRun = {
    isRunning: false,
    finished: Promise.resolve()
      .then(supervise)
      .finally(() => reader.close()),
    hurry: bell.ring,
    stop() {
      isStopped = true;
      worker?.kill();
      bell.ring();
    },
    leave() {
      isLeft = true;
      bell.ring();
    },
  };
  return run;
}

function lost(index: number, { how, status, lastWords, failure }: WorkerEnd, isProgram: boolean): Failure {
  if (failure) return failure;
  if (isProgram)
    return {
      code: 'PROGRAM_FAILED',
      message: `the program ${how}; it is not started again, since it might do twice what it has done`,
    };
  if (status === DISK_FULL_STATUS)
    return { code: 'DISK_FULL', message: 'disk full: the worker cannot write' };
  const words = lastWords && `: ${withoutCommands(lastWords)}`;
  return { code: 'WORKER_LOST', message: `worker ${index} ${how}${words}` };
}

const notBegun = (index: number, ms: number): string =>
  `worker ${index} did not begin to work within ${ms / 1000} s, which its launch allows: it was killed`;

/** Gives what the file holds when that is new. */
function progressReader(directory: string): () => Promise<WorkerProgress | undefined> {
  const path = progressFile(directory);
  let seen = '';
  return async () => {
    const found = await lstat(path).catch(() => undefined);
    const version = `${found?.ino} ${found?.mtimeMs}`;
    if (!found || version === seen) return undefined;
    seen = version;
    return readProgress(directory);
  };
}

/** Names what a checkpoint says; a worker that only repeats it has not come further. */
async function checkpointIn(directory: string): Promise<string | undefined> {
  const file = await openCheckpoint(directory);
  if (!file) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream({ end: HASHED_BYTES })) hash.update(chunk);
  return hash.digest('hex');
}
