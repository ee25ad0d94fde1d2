/**
 * What becomes of jobs, as Server-Sent Events. Messages are read from the store, by their ids, so that whoever comes
 * back with the last one misses none, also after a restart of the server; states and progress are told as they are.
 */
import { totalsOf } from '../engine/counters.ts';
import { SluiceError } from '../errors.ts';
import type { JobEvent } from '../jobs/supervisor.ts';
import type { JobProgress } from '../store/progress.ts';
import type { JobRecord } from '../store/record.ts';
import { isEnded } from '../store/states.ts';
import { jobGraph } from './graph.ts';
import { shownRecord } from './jobs.ts';
import type { Service } from './service.ts';

export interface EventQuery {
  /** Absent: of all jobs. */
  jobId?: string;
  /** The id of the last message that the client has; absent: all of the job, or none of all jobs. */
  lastEventId?: string;
}

/** Jobs in the foreground are run by other processes: what they note is looked for so often. */
const LOOK_MS = 1000;
const HEARTBEAT_MS = 15_000;
const PAGE = 200;
/** A client that is so far behind is cut off: it comes back, and reads what it has missed. */
const MAX_WAITING = 1000;
/** How soon a client comes back. */
const RETRY_MS = 1000;

/**
 * The stream; that of one job ends when the job has, with the event `end`.
 * @throws SluiceError JOB_NOT_FOUND, REQUEST_INVALID
 */
export function streamEvents(
  service: Service,
  { jobId, lastEventId }: EventQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (jobId !== undefined) service.store.jobs.require(jobId);
  const first = lastEventId === undefined ? undefined : idIn(lastEventId);
  const last = first ?? (jobId === undefined ? service.store.messages.lastId() : 0);
  return eventsAfter(service, last, jobId, signal);
}

function idIn(lastEventId: string): number {
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new SluiceError('REQUEST_INVALID', 'Last-Event-ID: no event of this server has this id');
}

async function* eventsAfter(
  service: Service,
  lastId: number,
  jobId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { store } = service;
  const changes = watchChanges(service, jobId, signal);
  let last = lastId;
  let spokeAt = Date.now();
  let toldState: string | undefined;
  try {
    yield `retry: ${RETRY_MS}\n\n`;
    for (;;) {
      // Asked before the messages: an ended job has told all of them.
      const job = jobId === undefined ? undefined : store.jobs.require(jobId);
      const ended = job && isEnded(job.state) ? job : undefined;
      changes.look();
      let page = store.messages.after(last, PAGE, jobId);
      for (; page.length > 0; page = store.messages.after(last, PAGE, jobId))
        for (const message of page) {
          yield eventText('message', message, message.id);
          last = message.id;
          spokeAt = Date.now();
        }
      for (let change = changes.next(); change; change = changes.next()) {
        if ('job' in change) toldState = change.job.state;
        yield 'job' in change
          ? eventText('state', shownRecord(change.job))
          : eventText('progress', await progressOf(service, change));
        spokeAt = Date.now();
      }
      if (ended) {
        if (toldState !== ended.state) yield eventText('state', shownRecord(ended));
        yield eventText('end', { jobId });
      }
      if (ended || signal.aborted || changes.isTooFarBehind()) return;
      if (Date.now() - spokeAt >= HEARTBEAT_MS) {
        yield ': still here\n\n';
        spokeAt = Date.now();
      }
      await changes.come();
    }
  } finally {
    changes.close();
  }
}

type Change = { job: JobRecord } | { jobId: string; progress: JobProgress };

/** States in their order; of the progress of a job only the latest. */
function watchChanges({ store, supervisor }: Service, jobId: string | undefined, signal: AbortSignal) {
  const states: JobRecord[] = [];
  const progress = new Map<string, JobProgress>();
  /** What was told last of jobs that others run, by id. */
  const told = new Map<string, { state: string; progressTime?: number }>();
  let isBehind = false;
  let isNews = false;
  let wake = () => {};
  const notice = () => {
    isNews = true;
    wake();
  };

  const add = (job: JobRecord) => {
    states.push(job);
    isBehind ||= states.length > MAX_WAITING;
  };
  const unsubscribe = supervisor.subscribe(event => {
    if (isBehind) return;
    if (jobId !== undefined && jobOf(event) !== jobId) return;
    if (event.type === 'state') add(event.job);
    if (event.type === 'progress') progress.set(event.jobId, event.progress);
    isBehind ||= progress.size > MAX_WAITING;
    notice();
  });
  signal.addEventListener('abort', notice, { once: true });
  // How the job is now; whatever it becomes is told after it.
  if (jobId !== undefined) note(store.jobs.require(jobId));
  else for (const job of store.jobs.active('foreground')) told.set(job.id, marksOf(job));

  function note(job: JobRecord): void {
    const before = told.get(job.id);
    const now = marksOf(job);
    told.set(job.id, now);
    if (now.state !== before?.state) add(job);
    const latest = store.progress.get(job.id);
    if (latest && now.progressTime !== before?.progressTime) progress.set(job.id, latest);
  }

  function marksOf({ id, state, stateTime }: JobRecord) {
    return { state: `${state} ${stateTime}`, progressTime: store.progress.get(id)?.time };
  }

  return {
    /** Looks what has become of the jobs that other processes run. */
    look() {
      const active = store.jobs.active('foreground').filter(({ id }) => jobId === undefined || id === jobId);
      const ids = new Set(active.map(({ id }) => id));
      for (const job of active) note(job);
      for (const id of told.keys()) {
        if (ids.has(id)) continue;
        const job = store.jobs.get(id);
        if (job?.owner === 'foreground') note(job);
        told.delete(id);
      }
    },
    next(): Change | undefined {
      const job = states.shift();
      if (job) return { job };
      for (const [id, latest] of progress) {
        progress.delete(id);
        return { jobId: id, progress: latest };
      }
      return undefined;
    },
    isTooFarBehind: () => isBehind,
    /** Resolves when there may be something to tell. */
    async come(): Promise<void> {
      if (!isNews)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, LOOK_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      isNews = false;
    },
    close: unsubscribe,
  };
}

const jobOf = (event: JobEvent): string => {
  if (event.type === 'state') return event.job.id;
  return event.type === 'progress' ? event.jobId : event.message.jobId;
};

async function progressOf(service: Service, { jobId, progress }: { jobId: string; progress: JobProgress }) {
  const graph = await jobGraph(service, jobId);
  return { jobId, ...progress, ...(graph && { totals: totalsOf(graph, progress.counters) }) };
}

/** JSON has no line breaks of its own, so that no text can begin an event. */
const eventText = (event: string, data: object, id?: number): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
