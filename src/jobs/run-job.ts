/** Runs a job to its end in the foreground: starts its workers, adds up what they tell, and sums up. */
import type { Config } from '../config.ts';
import { totalsOf } from '../engine/counters.ts';
import type { Graph } from '../engine/graph.ts';
import { type ErrorCode, errorKinds } from '../errors.ts';
import { launchProcess, type WorkerHandle } from '../launchers/process.ts';
import type { Job } from '../worker/job-file.ts';
import type { WorkerEvent, WorkerProgress } from '../worker/protocol.ts';
import { type JobSummary, jobFile } from './job.ts';
import { errorsOf, sumOf } from './sum.ts';

export interface JobListener {
  onRunning?(): void;
  onProgress?(progress: WorkerProgress): void;
  onMessage?(message: Extract<WorkerEvent, { type: 'message' }>): void;
}

export interface JobRun {
  readonly ended: Promise<JobSummary>;
  drain(): void;
  cancel(): void;
}

interface WorkerRun {
  handle: WorkerHandle;
  progress?: WorkerProgress;
  running?: boolean;
  end?: Extract<WorkerEvent, { type: 'ended' }>;
}

/** How long a worker may take to stop; then it is killed. */
const CANCEL_MS = 5000;

/** Starts (or goes on with) a job whose file has been saved. */
export function runJob(config: Config, job: Job, graph: Graph, listener: JobListener = {}): JobRun {
  const started = Date.now();
  const runs: WorkerRun[] = [];
  let error: { code: string; message: string } | undefined;
  let cancelled = false;

  /** The first failure is the job's. The other workers stop where they are, or clean up if the launch was refused. */
  const fail = (code: string, message: string) => {
    error ??= { code, message };
    const isRefused = errorKinds[code as ErrorCode]?.exit === 2;
    for (const { handle } of runs) isRefused ? handle.send({ type: 'cancel' }) : handle.abandon();
  };
  const note = (run: WorkerRun, event: WorkerEvent) => {
    if ('progress' in event && event.progress) run.progress = event.progress;
    if (event.type === 'running') run.running = true;
    if (event.type === 'ended') run.end = event;
    if (event.type === 'message') listener.onMessage?.(event);
    if (event.type === 'running' && runs.every(each => each.running)) listener.onRunning?.();
    if (event.type === 'progress') listener.onProgress?.(sumOf(runs));
    if (event.type === 'failed') fail(event.code, event.message);
  };
  /** Waits for the process; one that ended without a word has failed. */
  const settle = async (run: WorkerRun) => {
    const { status, signal, lastWords } = await run.handle.exited;
    if (run.end || error || cancelled) return;
    const how = signal ? `was killed by ${signal}` : `ended with status ${status}`;
    fail('WORKER_LOST', `the worker ${how}${lastWords && `: ${lastWords}`}`);
  };
  for (let index = 0; index < job.workers; index++) {
    const run: WorkerRun = {
      handle: launchProcess(jobFile(config, job.id), index, event => note(run, event)),
    };
    runs.push(run);
  }

  const ended = (async (): Promise<JobSummary> => {
    await Promise.all(runs.map(settle));
    const progress = sumOf(runs);
    const { counters } = progress;
    listener.onProgress?.(progress);
    const state = error ? 'FAILED' : stateOf(runs);
    return {
      jobId: job.id,
      ...(job.templateId && { templateId: job.templateId }),
      ...(job.replay && { replayOf: job.replay.of }),
      state,
      ...totalsOf(graph, counters),
      seconds: (Date.now() - started) / 1000,
      errors: errorsOf(graph, counters),
      outputs: runs.flatMap(({ end }) => end?.outputs ?? []),
      ...(error && { error }),
    };
  })();

  const sendAll = (type: 'drain' | 'cancel') => {
    for (const { handle } of runs) handle.send({ type });
  };
  const cancel = () => {
    cancelled = true;
    sendAll('cancel');
    const killing = setTimeout(() => {
      for (const { handle } of runs) handle.kill();
    }, CANCEL_MS);
    ended.finally(() => clearTimeout(killing)).catch(() => {});
  };
  return { ended, drain: () => sendAll('drain'), cancel };
}

function stateOf(runs: readonly WorkerRun[]): 'CANCELLED' | 'DRAINED' | 'DONE' {
  const states = runs.map(({ end }) => end?.state);
  // One that had to be killed has told no end.
  if (states.includes('CANCELLED') || states.includes(undefined)) return 'CANCELLED';
  return states.includes('DRAINED') ? 'DRAINED' : 'DONE';
}
