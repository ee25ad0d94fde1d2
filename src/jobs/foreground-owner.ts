/** Which process a job of the foreground belongs to: entering it, taking it up again, and noticing that it is alone. */
import { totalsOf } from '../engine/counters.ts';
import type { Graph } from '../engine/graph.ts';
import { SluiceError } from '../errors.ts';
import type { JobRecord, JobResult } from '../store/record.ts';
import { isEnded } from '../store/states.ts';
import type { JobHome, Store } from '../store/store.ts';
import { graphOf } from '../worker/graph.ts';
import { identify, isRunning } from '../worker/identity.ts';
import { readJob } from '../worker/job-file.ts';
import { jobFile } from './job.ts';
import { errorsOf } from './sum.ts';

/** Takes a new job into the store as one that this process runs. @throws SluiceError REPLAY_REFUSED */
export function enter(store: Store, record: JobRecord): void {
  store.jobs.insert({ ...record, ...ourselves(), state: 'PENDING', owner: 'foreground' });
}

/**
 * Makes an interrupted job the one of this process; one that never came into the store enters it with `record`.
 * @throws SluiceError JOB_NOT_RESUMABLE when it has come to its end, or somebody runs it
 */
export function takeUp(store: Store, record: JobRecord): void {
  const { id } = record;
  store.transaction(() => {
    const before = store.jobs.get(id);
    if (!before) return enter(store, record);
    if (isUnderWay(before)) {
      const who = before.owner === 'service' ? 'the server' : `process ${before.pid}`;
      throw new SluiceError('JOB_NOT_RESUMABLE', `job ${id} is being run by ${who}`);
    }
    // Its process had no time to say so.
    store.jobs.move(id, 'FAILED');
    store.jobs.reopen(id, 'PENDING', 'foreground', ourselves());
  });
}

/** Ends a replay whose letters another one takes: it cannot be resumed. @throws SluiceError REPLAY_REFUSED */
export function giveUp(store: Store, id: string): void {
  store.transaction(() => {
    if (isUnderWay(store.jobs.require(id)))
      throw new SluiceError('REPLAY_REFUSED', `the replay ${id} is under way: wait for its end`);
    store.jobs.move(id, 'FAILED');
    store.jobs.change(id, { givenUp: true });
  });
}

/** True while the server or a process of the foreground has the job in its hands. */
export function isUnderWay({ state, owner, pid, pidStart }: JobRecord): boolean {
  if (isEnded(state)) return false;
  return owner === 'service' || (pid !== undefined && isRunning({ pid, began: pidStart ?? '' }));
}

/**
 * Ends the jobs of the foreground whose process has gone without a word: one that was to be cancelled is, all others have
 * failed, with the advice to resume them where that can be; gives their records. To be called when a server starts, and
 * now and then.
 */
export async function orphaned({ config, store }: JobHome): Promise<JobRecord[]> {
  const failed: JobRecord[] = [];
  for (const { id } of store.jobs.active('foreground').filter(each => !isUnderWay(each))) {
    const result = await resultSoFar({ config, store }, id);
    const record = store.transaction(() => {
      const now = store.jobs.require(id);
      // Somebody may have resumed it meanwhile.
      if (isUnderWay(now)) return undefined;
      const { error, ...counted } = result;
      if (now.wish === 'CANCELLED') return store.jobs.move(id, 'CANCELLED', { result: counted });
      store.messages.add([{ jobId: id, time: Date.now(), severity: 'ERROR', text: error.message }]);
      return store.jobs.move(id, 'FAILED', { result });
    });
    if (record) failed.push(record);
  }
  return failed;
}

async function resultSoFar({ config, store }: JobHome, id: string) {
  const { pid, startTime, createTime, container } = store.jobs.require(id);
  const progress = store.progress.get(id);
  const seconds = ((progress?.time ?? Date.now()) - Date.parse(startTime ?? createTime)) / 1000;
  const advice = container?.isProgram
    ? 'its program is stopped, and not started again, since it might do twice what it has done: launch it anew'
    : `\`sluice resume ${id}\` goes on with it`;
  const message = `process ${pid}, which ran the job, has ended: ${advice}`;
  // Where its file has gone, or means nothing to this version, nobody knows what was counted: it has failed all the same.
  const graph: Graph = await readJob(jobFile(config, id))
    .then(graphOf)
    .catch(() => NO_GRAPH);
  const counters = progress?.counters ?? {};
  const errors = errorsOf(graph, counters);
  return {
    ...totalsOf(graph, counters),
    seconds: Math.max(0, seconds),
    outputs: [],
    ...(errors && { errors }),
    error: { code: 'WORKER_LOST', message },
  } satisfies JobResult;
}

const NO_GRAPH: Graph = { nodes: [] };

const ourselves = () => ({ pid: process.pid, pidStart: identify(process.pid)?.began });
