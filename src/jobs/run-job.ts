/** Runs a job to its end in the foreground: starts its workers, adds up what they tell, and sums up. */
import type { Config } from '../config.ts';
import { addCounters, type Counters, totalsOf } from '../engine/counters.ts';
import type { Graph } from '../engine/graph.ts';
import { launchProcess, type WorkerHandle } from '../launchers/process.ts';
import type { Job } from '../worker/job-file.ts';
import type { WorkerEvent, WorkerProgress } from '../worker/protocol.ts';
import { type JobState, type JobSummary, jobFile, saveState } from './job.ts';

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
  end?: Extract<WorkerEvent, { type: 'ended' | 'failed' }>;
}

/** Starts (or goes on with) a job whose file has been saved. */
export function runJob(config: Config, job: Job, graph: Graph, listener: JobListener = {}): JobRun {
  const started = Date.now();
  const runs: WorkerRun[] = [];
  for (let index = 0; index < job.workers; index++) {
    const run: WorkerRun = {
      handle: launchProcess(jobFile(config, job.id), index, event => {
        note(run, event);
        if (event.type === 'message') listener.onMessage?.(event);
        else if (event.type === 'running' && runs.every(each => each.running)) listener.onRunning?.();
        else if (event.type === 'progress') listener.onProgress?.(sumOf(runs));
        else if (event.type === 'failed') for (const other of runs) other.handle.abandon();
      }),
    };
    runs.push(run);
  }

  const ended = (async (): Promise<JobSummary> => {
    await saveState(config, job.id, 'RUNNING');
    await Promise.all(runs.map(settle));
    const { counters } = sumOf(runs);
    const error = runs.map(({ end }) => end).find(end => end?.type === 'failed');
    const state = error ? 'FAILED' : stateOf(runs);
    await saveState(config, job.id, state);
    return {
      jobId: job.id,
      ...(job.templateId && { templateId: job.templateId }),
      state,
      ...totalsOf(graph, counters),
      seconds: (Date.now() - started) / 1000,
      errors: errorsOf(graph, counters),
      outputs: runs.flatMap(({ end }) => (end?.type === 'ended' ? end.outputs : [])),
      ...(error?.type === 'failed' && { error: { code: error.code, message: error.message } }),
    };
  })();

  const sendAll = (type: 'drain' | 'cancel') => {
    for (const { handle } of runs) handle.send({ type });
  };
  return { ended, drain: () => sendAll('drain'), cancel: () => sendAll('cancel') };
}

function note(run: WorkerRun, event: WorkerEvent): void {
  if (event.type === 'running') run.running = true;
  if ('progress' in event && event.progress) run.progress = event.progress;
  if (event.type === 'ended' || event.type === 'failed') run.end ??= event;
}

/** Waits for the process; one that ended without a word has failed. */
async function settle(run: WorkerRun): Promise<void> {
  const { status, signal, lastWords } = await run.handle.exited;
  if (run.end) return;
  const how = signal ? `was killed by ${signal}` : `ended with status ${status}`;
  const message = `the worker ${how}${lastWords && `: ${lastWords}`}`;
  run.end = { type: 'failed', code: 'WORKER_LOST', message };
}

function sumOf(runs: readonly WorkerRun[]): WorkerProgress {
  const counters: Counters = {};
  for (const { progress } of runs) if (progress) addCounters(counters, progress.counters);
  const watermarks = runs.flatMap(({ progress }) => progress?.watermark ?? []);
  return { counters, ...(watermarks.length > 0 && { watermark: Math.min(...watermarks) }) };
}

/** How many dead letters there are, by error code; undefined where there are none. */
function errorsOf(graph: Graph, counters: Counters): Record<string, number> | undefined {
  const errors: Record<string, number> = {};
  for (const { id, deadLetter } of graph.nodes) {
    if (deadLetter) continue;
    for (const [code, count] of Object.entries(counters[id]?.errors ?? {}))
      errors[code] = (errors[code] ?? 0) + count;
  }
  return Object.keys(errors).length > 0 ? errors : undefined;
}

function stateOf(runs: readonly WorkerRun[]): JobState {
  const states = runs.flatMap(({ end }) => (end?.type === 'ended' ? [end.state] : []));
  if (states.includes('CANCELLED')) return 'CANCELLED';
  return states.includes('DRAINED') ? 'DRAINED' : 'DONE';
}
