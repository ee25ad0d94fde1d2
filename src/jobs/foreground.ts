/** Runs a job to its end in this process, and keeps its record, so that everybody sees how it goes. */
import { totalsOf } from '../engine/counters.ts';
import type { Graph } from '../engine/graph.ts';
import { forgetSecrets } from '../engine/secrets.ts';
import { asSluiceError } from '../errors.ts';
import type { JobResult } from '../store/record.ts';
import type { JobState, Wish } from '../store/states.ts';
import type { JobHome, Store } from '../store/store.ts';
import type { Job } from '../worker/job-file.ts';
import type { WorkerEvent, WorkerProgress } from '../worker/protocol.ts';
import type { JobSummary } from './job.ts';
import { type JobListener, type JobRun, runJob } from './run-job.ts';

type Message = Extract<WorkerEvent, { type: 'message' }>;

/** How often what was told is noted, and looked whether somebody asks the job to stop. */
const NOTE_MS = 1000;
/** Of the messages that come between two notes the others are only counted. */
const MAX_WAITING = 1000;

/** Runs a job whose record is in the hands of this process (see `enter` and `takeUp`). */
export function runForeground(
  { config, store }: JobHome,
  { job, graph }: { job: Job; graph: Graph },
  listener: JobListener = {},
): JobRun {
  const { id } = job;
  const notes = notesOf(store, id, listener);
  const started = Date.now();
  const run = runJob(config, job, graph, {
    onRunning() {
      notes.attempt(() => store.jobs.move(id, 'RUNNING'));
      listener.onRunning?.();
    },
    onProgress(progress) {
      notes.progress(progress);
      listener.onProgress?.(progress);
    },
    onMessage(message) {
      notes.message(message);
      listener.onMessage?.(message);
    },
  });
  let obeyed: Wish | undefined;
  const drain = () => {
    obeyed = 'DRAINED';
    notes.attempt(() => wish('DRAINED', 'DRAINING'));
    run.drain();
  };
  const cancel = () => {
    obeyed = 'CANCELLED';
    notes.attempt(() => wish('CANCELLED', 'CANCELLING'));
    run.cancel();
  };
  const wish = (wished: 'DRAINED' | 'CANCELLED', state: JobState) =>
    store.transaction(() => {
      store.jobs.wish(id, wished);
      store.jobs.move(id, state);
    });
  /** Others ask through the record. */
  const obey = () => {
    const wished = store.jobs.get(id)?.wish;
    if (wished === obeyed) return;
    if (wished === 'DRAINED') drain();
    if (wished === 'CANCELLED') cancel();
  };
  const timer = setInterval(() => {
    notes.attempt(notes.save);
    notes.attempt(obey);
  }, NOTE_MS);

  const finish = (state: JobState, result: JobResult): JobState =>
    store.transaction(() => {
      notes.save();
      const { error } = result;
      const time = Date.now();
      if (error) store.messages.add([{ jobId: id, time, severity: 'ERROR', text: error.message }]);
      // What could not be noted when it began is made up for.
      store.jobs.move(id, 'RUNNING');
      return (store.jobs.move(id, state, { result }) ?? store.jobs.require(id)).state;
    });
  const ended = run.ended
    .then(
      async (summary): Promise<JobSummary> => {
        const state = finish(summary.state, resultOf(summary));
        if (state !== 'FAILED') await forgetSecrets(config, id);
        return { ...summary, state };
      },
      thrown => {
        const { code, message } = asSluiceError(thrown);
        const seconds = (Date.now() - started) / 1000;
        finish('FAILED', { ...totalsOf(graph, {}), seconds, outputs: [], error: { code, message } });
        throw thrown;
      },
    )
    .finally(() => clearInterval(timer));
  return { ended, drain, cancel };
}

/** What has been told and is not in the store yet. */
function notesOf(store: Store, jobId: string, listener: JobListener) {
  let waiting: Message[] = [];
  let leftOut = 0;
  let latest: WorkerProgress | undefined;
  let isWarned = false;

  const save = () => {
    const time = Date.now();
    const messages = waiting.map(({ type: _, time: told, ...message }) => ({
      ...message,
      jobId,
      time: Date.parse(told),
    }));
    const more = {
      jobId,
      time,
      severity: 'WARNING' as const,
      text: `${leftOut} more messages were left out`,
    };
    store.transaction(() => {
      if (messages.length > 0) store.messages.add(leftOut > 0 ? [...messages, more] : messages);
      if (latest) store.progress.save(jobId, { ...latest, time });
    });
    waiting = [];
    leftOut = 0;
    latest = undefined;
  };

  /** The job goes on when its notes cannot be kept for a while; whoever follows it is told so once. */
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (isWarned) return;
      isWarned = true;
      const text = `how the job goes is not noted: ${asSluiceError(error).message}`;
      listener.onMessage?.({ type: 'message', severity: 'WARNING', text, time: new Date().toISOString() });
    }
  };

  return {
    save,
    attempt,
    message(message: Message) {
      if (message.severity === 'DEBUG') return;
      if (waiting.length < MAX_WAITING) waiting.push(message);
      else leftOut++;
    },
    progress(progress: WorkerProgress) {
      latest = progress;
    },
  };
}

const resultOf = ({ elements, bytes, seconds, outputs, errors, error }: JobSummary): JobResult => ({
  elements,
  bytes,
  seconds,
  outputs,
  ...(errors && { errors }),
  ...(error && { error }),
});
