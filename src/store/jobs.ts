/** The records of jobs. Each change is committed before the call returns. */
import type { DatabaseSync } from 'node:sqlite';
import { SluiceError } from '../errors.ts';
import { isTaken, transaction } from './database.ts';
import { listingIn } from './listing.ts';
import type { JobRecord, JobResult } from './record.ts';
import { isEnded, type JobState, nextState, type Wish } from './states.ts';

export type { JobFilter, Page } from './listing.ts';

/** What may change of a record beside its state. */
export type JobChanges = Partial<
  Omit<
    JobRecord,
    'id' | 'name' | 'projectId' | 'location' | 'createTime' | 'state' | 'stateTime' | 'endTime' | 'replay'
  >
>;

export type Jobs = ReturnType<typeof jobsIn>;

export function jobsIn(database: DatabaseSync) {
  const byId = database.prepare('SELECT record FROM jobs WHERE id = ?');
  const insertion = database.prepare(
    `INSERT INTO jobs (id, name, project, location, state, owner, holds_name, ended, sorted_at,
                       replay_root, replay_number, record)
     VALUES (?, ?, ?, ?, ?, ?, 1, 0, ?, ?, ?, ?)`,
  );
  const update = database.prepare(
    'UPDATE jobs SET state = ?, owner = ?, holds_name = ?, ended = ?, sorted_at = ?, record = ? WHERE id = ?',
  );
  const holder = database.prepare(
    'SELECT record FROM jobs WHERE project = ? AND location = ? AND name = ? AND holds_name = 1',
  );
  const activeRecords = database.prepare(
    'SELECT record FROM jobs WHERE ended = 0 AND owner = ? ORDER BY sorted_at, rowid',
  );
  const replayIds = database.prepare('SELECT id FROM jobs WHERE replay_root = ? ORDER BY replay_number');

  const left = database.prepare(
    `SELECT record FROM jobs WHERE ended = 1 AND record ->> '$.removedTime' IS NULL AND (sorted_at, id) > (?, ?)
     ORDER BY sorted_at, id LIMIT ?`,
  );

  const parse = (row: Record<string, unknown> | undefined): JobRecord | undefined =>
    row && JSON.parse(String(row.record));

  const get = (id: string): JobRecord | undefined => parse(byId.get(id));

  /** @throws SluiceError JOB_NOT_FOUND */
  const require = (id: string): JobRecord => {
    const record = get(id);
    if (record) return record;
    throw new SluiceError('JOB_NOT_FOUND', `Information about job ${id} could not be found in our system.`);
  };

  /** The active job that has this name; one that makes room for its successor has given it up. */
  const named = ({ projectId, location, name }: Pick<JobRecord, 'projectId' | 'location' | 'name'>) =>
    parse(holder.get(projectId, location, name));

  const write = (record: JobRecord): void => {
    const ended = isEnded(record.state);
    const holds = !ended && record.wish !== 'UPDATED' && record.replacedBy === undefined;
    const at = ended ? (record.endTime ?? record.stateTime) : record.createTime;
    try {
      update.run(record.state, record.owner, +holds, +ended, at, JSON.stringify(record), record.id);
    } catch (error) {
      throw isTaken(error) ? nameTaken(record) : error;
    }
  };

  /**
   * Takes in a job that has not ended.
   * @throws SluiceError JOB_NAME_TAKEN, or REPLAY_REFUSED when another replay has its number
   */
  const insert = (record: JobRecord): void => transaction(database, () => add(record));

  const add = (record: JobRecord): void => {
    if (named(record)) throw nameTaken(record);
    const { id, name, projectId, location, state, owner, createTime, replay } = record;
    const order = [createTime, replay?.root ?? null, replay?.number ?? null];
    try {
      insertion.run(id, name, projectId, location, state, owner, ...order, JSON.stringify(record));
    } catch (error) {
      if (!isTaken(error) || !replay) throw error;
      throw new SluiceError('REPLAY_REFUSED', `others launch replays of job ${replay.root}: try again`);
    }
  };

  /**
   * Takes in the successor of a running job, which gives up its name and is to hand over; gives its record.
   * @throws SluiceError JOB_NOT_FOUND when another one was faster; UPDATE_REFUSED when it does not run, or is being stopped
   */
  const replace = (id: string, successor: JobRecord): JobRecord =>
    transaction(database, () => {
      const before = require(id);
      if (before.wish === 'UPDATED') throw noneToReplace(before.name, named(before));
      if (before.state !== 'RUNNING' || before.wish !== undefined)
        throw new SluiceError(
          'UPDATE_REFUSED',
          `job ${id} is being stopped: launch the new one when it has ended`,
        );
      const record: JobRecord = { ...before, wish: 'UPDATED', replacedBy: successor.id };
      write(record);
      add(successor);
      return record;
    });

  /** Changes what is no state; gives the new record. @throws SluiceError JOB_NAME_TAKEN when it asks for its name back */
  const change = (id: string, changes: JobChanges): JobRecord =>
    transaction(database, () => {
      const record = { ...require(id), ...changes };
      write(record);
      return record;
    });

  /**
   * Moves a job towards a state, as `nextState` says: the record tells the state it came to. Undefined when it may not
   * go there, and nothing changes.
   */
  const move = (
    id: string,
    to: JobState,
    changes: { result?: JobResult; pid?: number } = {},
  ): JobRecord | undefined =>
    transaction(database, () => {
      const before = require(id);
      const state = nextState(before.state, to, before.wish);
      if (state === undefined) return undefined;
      const now = new Date().toISOString();
      const record: JobRecord = { ...before, ...changes, state, stateTime: now };
      if (state === 'RUNNING') record.startTime ??= now;
      if (isEnded(state)) record.endTime = now;
      write(record);
      return record;
    });

  /** Notes what is asked of a job; a cancel is never overtaken by another wish. Gives the record as it is now. */
  const wish = (id: string, wished: Wish): JobRecord =>
    transaction(database, () => {
      const before = require(id);
      if (isEnded(before.state) || before.wish === 'CANCELLED') return before;
      // What it has open its successor will close.
      if (before.wish === 'UPDATED' && wished === 'DRAINED') return before;
      const record = { ...before, wish: wished };
      write(record);
      return record;
    });

  /**
   * Puts a failed job back into the queue, or into the hands of the process that resumes it.
   * @throws SluiceError JOB_NOT_RESUMABLE, JOB_NAME_TAKEN
   */
  const reopen = (
    id: string,
    state: 'QUEUED' | 'PENDING' | 'RUNNING',
    owner: JobRecord['owner'],
    runBy: Pick<JobRecord, 'pid' | 'pidStart'> = {},
  ): JobRecord =>
    transaction(database, () => {
      const { wish: _, result: __, endTime: ___, pid: ____, pidStart: _____, ...before } = require(id);
      const why = reasonNotToReopen(before);
      if (why) throw new SluiceError('JOB_NOT_RESUMABLE', `job ${id} ${why}`);
      const record = { ...before, ...runBy, state, owner, stateTime: new Date().toISOString() };
      write(record);
      return record;
    });

  /** Every job that has not ended, of one owner, in the order of their creation. */
  const active = (owner: JobRecord['owner']): JobRecord[] =>
    activeRecords.all(owner).map(row => JSON.parse(String(row.record)));

  /** The ids of the replays of a job, in the order in which they were launched. */
  const replaysOf = (root: string): string[] => replayIds.all(root).map(({ id }) => String(id));

  /** Ended jobs of which more than the record is left, from the one that ended first on; `after` one of them. */
  const leftOver = (limit: number, after?: JobRecord): JobRecord[] =>
    left.all(after?.endTime ?? '', after?.id ?? '', limit).map(row => JSON.parse(String(row.record)));

  const { list } = listingIn(database);
  return {
    get,
    require,
    named,
    insert,
    replace,
    change,
    move,
    wish,
    reopen,
    list,
    active,
    replaysOf,
    leftOver,
  };
}

const nameTaken = ({ name }: JobRecord): SluiceError =>
  new SluiceError('JOB_NAME_TAKEN', `There is already an active job named ${name}.`);

/**
 * That no job of a name runs which another one could replace. Terraform tries again for a while when it reads this.
 * @param holder the active job that has the name, if there is one
 */
export function noneToReplace(name: string, holder: JobRecord | undefined): SluiceError {
  const message = `There is no active job named ${name} in RUNNING OR DRAINING state.`;
  return new SluiceError('JOB_NOT_FOUND', `${message} ${holder ? describe(holder) : WITHOUT}`);
}

const WITHOUT = 'Launched without an update, this one would be the first.';

function describe({ id, state, replaces }: JobRecord): string {
  if (state === 'CANCELLING')
    return `Job ${id} is CANCELLING: launch the new one when it has ended, without an update.`;
  const why = replaces === undefined ? '' : `, an update of job ${replaces} that has not begun`;
  return `Job ${id} is ${state}${why}: try again when it is RUNNING.`;
}

function reasonNotToReopen({ state, givenUp, removedTime }: JobRecord): string | undefined {
  if (state !== 'FAILED') return `is ${state}: there is nothing to resume`;
  if (givenUp) return 'was given up: a later replay has taken its letters';
  if (removedTime !== undefined) return 'has ended too long ago: what it needs to go on was removed';
  return undefined;
}
