/** One worker of a job: found or started, followed, and started again from its checkpoint when it crashed. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { LaunchedWorker, Launcher, WorkerEnd } from '../../launchers/launcher.ts';
import { DISK_FULL_STATUS, TAKEN_STATUS } from '../../worker/claim.ts';
import type { LoggedEvent } from '../../worker/event-log.ts';
import type { Message } from '../../worker/message-limit.ts';
import { progressFile, workerDirectory } from '../../worker/places.ts';
import type { WorkerEvent, WorkerProgress } from '../../worker/protocol.ts';
import { alarm } from './alarm.ts';
import { readEvents } from './event-reader.ts';
import { isStartedAgain, waitAfter } from './retry.ts';

export interface WorkerSetup {
  jobId: string;
  jobFile: string;
  index: number;
  streaming: boolean;
  launcher: Launcher;
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

export function runWorker(setup: WorkerSetup): WorkerRun {
  const { jobFile, index, launcher } = setup;
  const directory = workerDirectory(jobFile, index);
  const reader = readEvents(directory, setup.jobId);
  const bell = alarm();
  let worker: LaunchedWorker | undefined;
  let failed: Failure | undefined;
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
    if (event.type === 'failed') failed = { code: event.code, message: event.message };
    if (event.type === 'running' || event.type === 'ended') setup.onChange();
  };
  const look = async () => {
    const events = await reader.read();
    for (const event of events) note(event);
    const messages = events.flatMap(({ at, event }) =>
      event.type === 'message' ? { at, message: event } : [],
    );
    if (messages.length > 0) setup.onMessages(messages);
  };
  const lookHow = progressReader(directory);
  const lookHowFar = async () => {
    if (!run.end) run.progress = (await lookHow()) ?? run.progress;
  };

  /** Until the process has ended, or it is left to itself. */
  const follow = async (followed: LaunchedWorker): Promise<WorkerEnd | undefined> => {
    let end: WorkerEnd | undefined;
    followed.ended.then(how => {
      end = how;
      bell.ring();
    });
    let looksSinceLast = 0;
    for (let looks = 0; !end && !isLeft; looks++) {
      await bell.wait(LOOK_MS);
      await look();
      if (looks % PROGRESS_LOOKS === 0) await lookHowFar();
      if ((run.end || failed) && ++looksSinceLast > LAST_LOOKS) followed.kill();
    }
    if (!end) followed.forget();
    await look();
    return end;
  };

  const supervise = async (): Promise<Failure | undefined> => {
    await look();
    await lookHowFar();
    if (setup.isFresh) failed = undefined;
    // One that was started before and is not there has crashed.
    let isSilent = !setup.isFresh && hasBegun;
    let checkpoint = await checkpointIn(directory);
    for (let failures = 0; ; ) {
      if (isLeft) return undefined;
      worker = await launcher.find(jobFile, index);
      if (isStopped) worker?.kill();
      if (!worker && (run.end || isStopped || !setup.mayStart())) return undefined;
      if (!isSilent) worker ??= launcher.start(jobFile, index);
      isSilent = false;
      const end: WorkerEnd | undefined = worker ? await follow(worker) : { how: 'is gone', lastWords: '' };
      worker = undefined;
      if (!end || run.end || isStopped || !setup.mayStart()) return undefined;
      if (end.status === TAKEN_STATUS && (await launcher.find(jobFile, index))) continue;

      const failure = failed ?? lost(index, end);
      const reached = await checkpointIn(directory);
      failures = reached === checkpoint ? failures + 1 : 1;
      checkpoint = reached;
      const hasCheckpoint = reached !== undefined;
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

function lost(index: number, { how, status, lastWords, failure }: WorkerEnd): Failure {
  if (failure) return failure;
  if (status === DISK_FULL_STATUS)
    return { code: 'DISK_FULL', message: 'disk full: the worker cannot write' };
  return { code: 'WORKER_LOST', message: `worker ${index} ${how}${lastWords && `: ${lastWords}`}` };
}

/** Gives what the file holds when that is new. */
function progressReader(directory: string): () => Promise<WorkerProgress | undefined> {
  const path = progressFile(directory);
  let seen = '';
  return async () => {
    const found = await stat(path).catch(() => undefined);
    const version = `${found?.ino} ${found?.mtimeMs}`;
    if (!found || version === seen) return undefined;
    seen = version;
    try {
      return JSON.parse(await readFile(path, 'utf8'));
    } catch {
      // It is not synced, so a crash of the machine may leave it empty.
      return undefined;
    }
  };
}

/** Names what a checkpoint says; a worker that only repeats it has not come further. */
async function checkpointIn(directory: string): Promise<string | undefined> {
  const bytes = await readFile(`${directory}/checkpoint.json`).catch(() => undefined);
  return bytes && createHash('sha256').update(bytes).digest('hex');
}
