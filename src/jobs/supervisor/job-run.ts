/** One job of the service, from its start to its end: its workers, its state, and what is told of it. */
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import type { Config } from '../../config.ts';
import { totalsOf } from '../../engine/counters.ts';
import type { Graph } from '../../engine/graph.ts';
import { forgetSecrets } from '../../engine/secrets.ts';
import { SluiceError } from '../../errors.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import type { NewMessage } from '../../store/messages.ts';
import type { JobRecord, JobResult } from '../../store/record.ts';
import { isEnded, type JobState, type Wish } from '../../store/states.ts';
import type { Store } from '../../store/store.ts';
import { graphOf } from '../../worker/graph.ts';
import { readJob } from '../../worker/job-file.ts';
import { wishFile } from '../../worker/places.ts';
import type { WorkerWish } from '../../worker/protocol.ts';
import { takeState, takesOver } from '../handover.ts';
import { jobFile } from '../job.ts';
import { errorsOf, sumOf } from '../sum.ts';
import { alarm } from './alarm.ts';
import type { JobEvent } from './job-event.ts';
import { isRefusal } from './retry.ts';
import { type Ended, type Failure, type LoggedMessage, runWorker, type WorkerRun } from './worker-run.ts';

export interface JobContext {
  config: Config;
  store: Store;
  launcherOf(record: JobRecord): Launcher;
  firstRetryMs: number;
  tell(event: JobEvent): void;
}

export interface JobRun {
  /** Settles when the job has ended, or is left to itself; rejects with what we could not do, e.g. write. */
  readonly finished: Promise<void>;
  /** Passes on what its record wishes. */
  obey(): Promise<void>;
  /** Watches it no more; its workers go on. */
  leave(): void;
}

const NOTE_MS = 1000;
/** Where nothing goes on only the memory changes. */
const IDLE_NOTE_MS = 30_000;
/** How long workers may take to stop; then they are killed. */
const CANCEL_MS = 5000;
/** The same where they must be started first, to clean up what they have taken over. */
const CLEAN_UP_MS = 30_000;

const orders: Record<Wish, WorkerWish> = { CANCELLED: 'cancel', DRAINED: 'drain', UPDATED: 'handover' };

/** The ends that come only of a wish. */
const wishes: Partial<Record<Ended['state'], Wish>> = { CANCELLED: 'CANCELLED', HANDED_OVER: 'UPDATED' };

/** Starts the workers of a job, or follows those there are when it was started before (`isFresh` is false). */
export function runServiceJob(context: JobContext, record: JobRecord, isFresh: boolean): JobRun {
  const { config, store, tell } = context;
  const { id, streaming, workers } = record;
  const path = jobFile(config, id);
  const bell = alarm();
  const runs: WorkerRun[] = [];
  let error: Failure | undefined;
  let killing: NodeJS.Timeout | undefined;
  let isLeft = false;

  const move = (state: JobState, result?: JobResult) => {
    const record = store.jobs.move(id, state, result && { result });
    if (record) tell({ type: 'state', job: record });
    return record;
  };
  const add = (messages: NewMessage[]) => {
    for (const message of store.messages.add(messages)) tell({ type: 'message', message });
  };
  const say = (message: Pick<NewMessage, 'severity' | 'text' | 'origin'>) =>
    add([{ jobId: id, time: Date.now(), ...message }]);
  const keep = (logged: LoggedMessage[]) =>
    add(
      logged.map(({ at, message: { severity, text, stage, time } }) => {
        const where = { origin: at, ...(stage !== undefined && { stage }) };
        return { jobId: id, time: Date.parse(time), severity, text, ...where };
      }),
    );

  const killSoon = () => {
    const afterMs = takesOver(store.jobs.require(id)) ? CLEAN_UP_MS : CANCEL_MS;
    killing ??= setTimeout(() => {
      for (const run of runs) run.stop();
    }, afterMs);
  };
  let ordered: Promise<unknown> = Promise.resolve();
  /** One after the other: they are written to the same file. */
  const order = (wished: () => WorkerWish) => {
    const write = () => writeWish(wishFile(path), wished());
    ordered = ordered.then(write, write);
    return ordered;
  };
  const obey = async () => {
    const { wish } = store.jobs.require(id);
    if (!wish) return;
    await order(() => orders[store.jobs.require(id).wish ?? wish]);
    if (wish === 'CANCELLED') killSoon();
    for (const run of runs) run.hurry();
  };

  /** The first failure is the job's. The other workers stop where they are, or clean up if the launch was refused. */
  const fail = async (failure: Failure) => {
    if (error) return;
    error = failure;
    const { startTime, replaces } = store.jobs.require(id);
    // What has run before, or has taken over from another job, has a state that somebody may go on with.
    if (isRefusal(failure.code) && startTime === undefined && replaces === undefined) {
      await order(() => 'cancel');
      killSoon();
    } else for (const run of runs) run.stop();
  };

  const onChange = () => {
    if (runs.every(run => run.isRunning || run.end)) noteRunning();
  };
  const noteRunning = () => {
    if (move('RUNNING')) say({ severity: 'INFO', text: `running with ${counted(workers, 'worker')}` });
  };

  /** False when there is nothing to begin. */
  const begin = async (): Promise<boolean> => {
    if (isFresh) {
      // Of an earlier attempt, which somebody has resumed.
      if (!store.jobs.require(id).wish) await rm(wishFile(path), { force: true });
      // Somebody may have been faster, and have stopped it.
      if (!move('PENDING') && isEnded(store.jobs.require(id).state)) return false;
    }
    error = await takeState(context, record).then(() => undefined, refusalOf);
    if (error) return true;
    if (isLeft) return false;
    // What it takes over is drained, or cleaned up, by its workers only.
    if (store.jobs.require(id).wish === 'DRAINED') move('DRAINING');
    const launcher = context.launcherOf(record);
    const startTimeoutMs = record.container && (await readJob(path)).container?.startTimeoutMs;
    for (let index = 0; index < workers; index++)
      runs.push(
        runWorker({
          jobId: id,
          jobFile: path,
          index,
          streaming,
          launcher,
          isProgram: record.container?.isProgram ?? false,
          ...(startTimeoutMs !== undefined && { startTimeoutMs }),
          isFresh,
          firstRetryMs: context.firstRetryMs,
          mayStart: () => !error && (takesOver(record) || store.jobs.require(id).wish !== 'CANCELLED'),
          isTheEnd: state => wishes[state] === undefined || isWished(state),
          onMessages: keep,
          onChange,
          onRestart: (failure, waitMs) => noteRestart(index, failure, waitMs),
        }),
      );
    await obey();
    return true;
  };
  const isWished = (state: Ended['state']) =>
    store.jobs.require(id).wish === wishes[state] || (error !== undefined && state === 'CANCELLED');

  const noteRestart = (index: number, { code, message }: Failure, waitMs: number) => {
    const { restarts } = store.jobs.require(id);
    const record = store.jobs.change(id, { restarts: restarts + 1 });
    const seconds = Number((waitMs / 1000).toFixed(1));
    const what = workers > 1 ? `worker ${index}` : 'the worker';
    const text = `${message} (${code}); ${what} is started again from its checkpoint in ${seconds} s`;
    say({ severity: 'WARNING', text });
    tell({ type: 'state', job: record });
  };

  let told = '';
  let toldAt = 0;
  const noteProgress = (isLast = false) => {
    const { gauges, ...sum } = sumOf(runs);
    const text = JSON.stringify(sum);
    const time = Date.now();
    if (runs.every(run => !run.progress)) return;
    if (text === told && time - toldAt < IDLE_NOTE_MS && !isLast) return;
    told = text;
    toldAt = time;
    const progress = { ...sum, ...(gauges && { gauges }), time };
    store.progress.save(id, progress, isLast);
    tell({ type: 'progress', jobId: id, progress });
  };

  const work = async () => {
    if (!(await begin())) return;
    let isOver = false;
    const over = Promise.all(runs.map(run => run.finished.then(failure => failure && fail(failure)))).finally(
      () => {
        isOver = true;
        bell.ring();
      },
    );
    // Heard below; here it only must not count as unheard.
    over.catch(() => {});
    while (!isOver) {
      noteProgress();
      await bell.wait(NOTE_MS);
    }
    await over;
    if (!isLeft) await end();
  };

  const end = async () => {
    noteProgress(true);
    const { state, failure } = outcome();
    const result = await resultOf(failure);
    // It may have been too fast to be seen running.
    if (state !== 'CANCELLED' && state !== 'FAILED') noteRunning();
    const text = failure?.message ?? describe(state, result);
    // Said again when the server is killed before the next line, but noted once.
    say({ severity: failure ? 'ERROR' : 'INFO', text, origin: `end/${store.jobs.require(id).stateTime}` });
    // A failed job may be resumed.
    if (state !== 'FAILED') await forgetSecrets(config, id);
    const ended = move(state, result);
    if (ended?.replacedBy !== undefined && ended.state !== 'UPDATED')
      store.jobs.change(id, { replacedBy: undefined });
  };

  const outcome = (): { state: JobState; failure?: Failure } => {
    const states = runs.map(run => run.end?.state);
    if (store.jobs.require(id).wish === 'CANCELLED') return { state: 'CANCELLED' };
    if (error) return { state: 'FAILED', failure: error };
    // One that had to be killed has told no end.
    if (states.includes('CANCELLED') || states.includes(undefined)) return { state: 'CANCELLED' };
    if (states.includes('HANDED_OVER')) return { state: 'UPDATED' };
    return { state: states.includes('DRAINED') ? 'DRAINED' : 'DONE' };
  };

  const resultOf = async (failure: Failure | undefined): Promise<JobResult> => {
    const { startTime, stateTime } = store.jobs.require(id);
    const { counters } = sumOf(runs);
    // Of a job whose file has gone, or is of another version, nothing explains the counters.
    const graph = await readJob(path)
      .then(graphOf)
      .catch(() => noGraph);
    const errors = errorsOf(graph, counters);
    return {
      ...totalsOf(graph, counters),
      seconds: (Date.now() - Date.parse(startTime ?? stateTime)) / 1000,
      outputs: runs.flatMap(run => run.end?.outputs ?? []),
      ...(errors && { errors }),
      ...(failure && { error: failure }),
    };
  };

  const leave = () => {
    isLeft = true;
    for (const run of runs) run.leave();
    bell.ring();
  };
  const finished = work().finally(() => {
    clearTimeout(killing);
    leave();
  });
  return { finished, obey, leave };
}

/** Workers of another user read it too. */
async function writeWish(path: string, wish: WorkerWish): Promise<void> {
  await writeFile(`${path}.tmp`, JSON.stringify({ wish }));
  await chmod(`${path}.tmp`, 0o644);
  await rename(`${path}.tmp`, path);
}

/** What was refused is the job's failure; all else is ours, and tried again. */
function refusalOf(thrown: unknown): Failure {
  if (!(thrown instanceof SluiceError)) throw thrown;
  return { code: thrown.code, message: thrown.message };
}

const noGraph: Graph = { nodes: [] };

function describe(state: JobState, { elements }: JobResult): string {
  const { read, written, filtered, deadLettered } = elements;
  return `${state}: read ${read}, written ${written}, filtered ${filtered}, dead-lettered ${deadLettered}`;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
