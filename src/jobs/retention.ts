/** What ended jobs have left is removed when it is old, or too much: checkpoints, logs, letters kept, messages, progress. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as others } from 'node:timers/promises';
import { jobDirectory } from '../config.ts';
import { systemCode } from '../errors.ts';
import type { JobRecord } from '../store/record.ts';
import { isEnded } from '../store/states.ts';
import type { JobHome, Store } from '../store/store.ts';
import { takesOver } from './handover.ts';
import { bytesBelow, removeFolder } from './job-folder.ts';

export interface Retention {
  /** How long what a job has left is kept after its end. */
  maxAgeMs: number;
  /** How much the folders of all jobs may take together; what ended first is removed first. */
  maxBytes: number;
  /** ms since the epoch; default: the time it is. */
  now?: number;
}

export interface Swept {
  /** The jobs of which now only the records are left. */
  removed: string[];
  /** What the folders of all jobs take now. */
  bytes: number;
}

/** A job with its replays: what these have taken is known only while all of them are there. */
interface Family {
  records: JobRecord[];
  bytes: number;
}

const PAGE = 100;

/**
 * Removes what is too old or too much. Records stay, marked with `removedTime`. What somebody still needs stays too:
 * active jobs and what they read, and what has failed and can be resumed until it is too old.
 */
export async function sweep(
  home: JobHome,
  { maxAgeMs, maxBytes, now = Date.now() }: Retention,
): Promise<Swept> {
  const { store } = home;
  const sizes = await measure(home, now);
  const removed: string[] = [];
  let bytes = [...sizes.values()].reduce((sum, each) => sum + each, 0);
  const isOld = ({ endTime }: JobRecord) => now - Date.parse(endTime ?? '') > maxAgeMs;
  for await (const family of familiesIn(store, sizes)) {
    const { records } = family;
    const isTooOld = records.every(isOld);
    const isTooMuch = bytes > maxBytes && family.bytes > 0 && !records.some(isResumable);
    if (!isTooOld && !isTooMuch) continue;
    if (!mark(store, records, now)) continue;
    for (const { id } of records) await removeFolder(jobDirectory(home.config, id));
    removed.push(...records.map(({ id }) => id));
    bytes -= family.bytes;
  }
  return { removed, bytes };
}

/** Those that may go, from the one that ended first on. */
async function* familiesIn(store: Store, sizes: ReadonlyMap<string, number>): AsyncGenerator<Family> {
  let last: JobRecord | undefined;
  for (;;) {
    const page = store.jobs.leftOver(PAGE, last);
    for (const record of page) {
      const records = familyOf(store, record);
      // Told with the one of it that ended last.
      if (records.at(-1)?.id !== record.id || records.some(each => isNeeded(store, each))) continue;
      const bytes = records.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
      yield { records, bytes };
    }
    last = page.at(-1);
    if (page.length < PAGE) return;
    await others();
  }
}

/** A job and its replays of which something is left, in the order of their ends. */
function familyOf({ jobs }: Store, { id, replay }: JobRecord): JobRecord[] {
  const root = replay?.root ?? id;
  return [root, ...jobs.replaysOf(root)]
    .flatMap(each => jobs.get(each) ?? [])
    .filter(({ removedTime }) => removedTime === undefined)
    .sort((a, b) => compare(a.endTime ?? '', b.endTime ?? '') || compare(a.id, b.id));
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** True for an active job, and for one whose state another is still to take over. */
function isNeeded({ jobs }: Store, { state, replaces, replacedBy }: JobRecord): boolean {
  if (!isEnded(state)) return true;
  const successor = replacedBy === undefined ? undefined : jobs.get(replacedBy);
  if (!successor) return false;
  // What a template has put into the folder of the first job, e.g. dead letters, all those after it go on with.
  const isFirst = replaces === undefined;
  if (isFirst) return mayGoOn(lastOf(jobs, successor));
  return takesOver(successor) && mayGoOn(successor);
}

const mayGoOn = (record: JobRecord): boolean =>
  !isEnded(record.state) || (isResumable(record) && record.removedTime === undefined);

/** The job that nobody has replaced yet. */
function lastOf(jobs: Store['jobs'], first: JobRecord): JobRecord {
  let last = first;
  for (let next = first.replacedBy; next !== undefined; next = last.replacedBy) {
    const record = jobs.get(next);
    if (!record) break;
    last = record;
  }
  return last;
}

const isResumable = ({ state, givenUp }: JobRecord): boolean => state === 'FAILED' && !givenUp;

/** Marks them, from when on nobody takes them up again; false when somebody has done so meanwhile. */
function mark(store: Store, records: readonly JobRecord[], now: number): boolean {
  return store.transaction(() => {
    const [first] = records;
    const isAsBefore = first && familyOf(store, first).length === records.length;
    if (!isAsBefore || records.some(({ id }) => isNeeded(store, store.jobs.require(id)))) return false;
    for (const { id } of records) {
      store.jobs.change(id, { removedTime: new Date(now).toISOString() });
      store.messages.remove(id);
      store.progress.remove(id);
    }
    return true;
  });
}

/** A folder is made before its job is taken in: one that nobody has taken in for so long nobody will. */
const UNTAKEN_MS = 24 * 3_600_000;

/**
 * The bytes below the folder of each job. What a sweep before us has marked and not removed is removed, and what a
 * server has left that was killed before it had taken in the job.
 */
async function measure({ config, store }: JobHome, now: number): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const id of await namesIn(join(config.home, 'jobs'))) {
    const folder = jobDirectory(config, id);
    const record = store.jobs.get(id);
    const isLeft = record ? record.removedTime !== undefined : (await changedAt(folder)) < now - UNTAKEN_MS;
    if (isLeft) await removeFolder(folder);
    else if (record) sizes.set(id, await bytesBelow(folder));
  }
  return sizes;
}

/** ms since the epoch; what has vanished is not old. */
const changedAt = (path: string): Promise<number> =>
  lstat(path).then(
    ({ mtimeMs }) => mtimeMs,
    error => {
      ignoreMissing(error);
      return Number.POSITIVE_INFINITY;
    },
  );

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch(error => {
    ignoreMissing(error);
    return [];
  });

function ignoreMissing(error: unknown): number {
  if (systemCode(error) !== 'ENOENT') throw error;
  return 0;
}
