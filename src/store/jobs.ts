/** The records of jobs. Each change is committed before the call returns. */
import type { DatabaseSync } from 'node:sqlite';
import { SluiceError } from '../errors.ts';
import { transaction } from './database.ts';
import { nextToken, positionOf } from './paging.ts';
import type { JobRecord, JobResult } from './record.ts';
import { isEnded, type JobState, mayMove, type Wish } from './states.ts';

export interface JobFilter {
  projectId?: string;
  location?: string;
  name?: string;
  /** `active`: not ended; `ended`: ended; absent: both, the active ones first. */
  status?: 'active' | 'ended';
}

export interface Page<T> {
  items: T[];
  nextPageToken?: string;
}

export type Jobs = ReturnType<typeof jobsIn>;

export function jobsIn(database: DatabaseSync) {
  const byId = database.prepare('SELECT record FROM jobs WHERE id = ?');
  const insertion = database.prepare(
    `INSERT INTO jobs (id, name, project, location, state, owner, holds_name, ended, sorted_at, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const update = database.prepare(
    'UPDATE jobs SET state = ?, owner = ?, holds_name = ?, ended = ?, sorted_at = ?, record = ? WHERE id = ?',
  );
  const holder = database.prepare(
    'SELECT record FROM jobs WHERE project = ? AND location = ? AND name = ? AND holds_name = 1',
  );
  const activeRecords = database.prepare('SELECT record FROM jobs WHERE ended = 0 AND owner = ?');

  const parse = (row: Record<string, unknown> | undefined): JobRecord | undefined =>
    row && JSON.parse(String(row.record));

  const get = (id: string): JobRecord | undefined => parse(byId.get(id));

  /** @throws SluiceError JOB_NOT_FOUND */
  const require = (id: string): JobRecord => {
    const record = get(id);
    if (record) return record;
    throw new SluiceError('JOB_NOT_FOUND', `Information about job ${id} could not be found in our system.`);
  };

  /** The active job that has this name. */
  const named = ({ projectId, location, name }: Pick<JobRecord, 'projectId' | 'location' | 'name'>) =>
    parse(holder.get(projectId, location, name));

  const write = (record: JobRecord): void => {
    const ended = isEnded(record.state);
    const holds = !ended && record.wish !== 'UPDATED';
    const at = ended ? (record.endTime ?? record.stateTime) : record.createTime;
    update.run(record.state, record.owner, +holds, +ended, at, JSON.stringify(record), record.id);
  };

  /** @throws SluiceError JOB_NAME_TAKEN */
  const insert = (record: JobRecord): void => {
    const taken = named(record);
    if (taken)
      throw new SluiceError('JOB_NAME_TAKEN', `There is already an active job named ${record.name}.`);
    const { id, name, projectId, location, state, owner, createTime } = record;
    insertion.run(id, name, projectId, location, state, owner, 1, 0, createTime, JSON.stringify(record));
  };

  /** Changes what is no state; gives the new record. */
  const change = (id: string, changes: Partial<Omit<JobRecord, 'id' | 'state'>>): JobRecord =>
    transaction(database, () => {
      const record = { ...require(id), ...changes };
      write(record);
      return record;
    });

  /**
   * Moves a job to a state, if it may go there from the one it is in; undefined when it may not, and nothing changes.
   */
  const move = (
    id: string,
    to: JobState,
    changes: { result?: JobResult; pid?: number } = {},
  ): JobRecord | undefined =>
    transaction(database, () => {
      const before = require(id);
      if (!mayMove(before.state, to)) return undefined;
      const now = new Date().toISOString();
      const record: JobRecord = { ...before, ...changes, state: to, stateTime: now };
      if (to === 'RUNNING') record.startTime ??= now;
      if (isEnded(to)) record.endTime = now;
      write(record);
      return record;
    });

  /** Notes what is asked of a job; a cancel is never overtaken by another wish. Gives the record as it is now. */
  const wish = (id: string, wished: Wish): JobRecord =>
    transaction(database, () => {
      const before = require(id);
      if (isEnded(before.state) || before.wish === 'CANCELLED') return before;
      const record = { ...before, wish: wished };
      write(record);
      return record;
    });

  /** Puts a failed job back into the queue, or into the hands of the process that resumes it. */
  const reopen = (
    id: string,
    state: 'QUEUED' | 'RUNNING',
    owner: JobRecord['owner'],
    pid?: number,
  ): JobRecord =>
    transaction(database, () => {
      const { wish: _, result: __, endTime: ___, ...before } = require(id);
      const record: JobRecord = { ...before, state, owner, stateTime: new Date().toISOString() };
      if (pid !== undefined) record.pid = pid;
      write(record);
      return record;
    });

  const list = (filter: JobFilter, pageSize: number, pageToken?: string): Page<JobRecord> => {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const where = (condition: string, ...more: (string | number)[]) => {
      conditions.push(condition);
      values.push(...more);
    };
    if (filter.projectId !== undefined) where('project = ?', filter.projectId);
    if (filter.location !== undefined) where('location = ?', filter.location);
    if (filter.name !== undefined) where('name = ?', filter.name);
    if (filter.status) where('ended = ?', filter.status === 'ended' ? 1 : 0);
    const after = positionOf(pageToken);
    if (after)
      where(
        '(ended > ? OR (ended = ? AND (sorted_at, id) < (?, ?)))',
        after[0],
        after[0],
        after[1],
        after[2],
      );
    const rows = database
      .prepare(
        `SELECT record, ended, sorted_at, id FROM jobs
         ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
         ORDER BY ended, sorted_at DESC, id DESC LIMIT ?`,
      )
      .all(...values, pageSize + 1);
    const items = rows.slice(0, pageSize).map(row => JSON.parse(String(row.record)) as JobRecord);
    const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
    if (!last) return { items };
    return { items, nextPageToken: nextToken(Number(last.ended), String(last.sorted_at), String(last.id)) };
  };

  /** Every job that has not ended, of one owner, in the order of their creation. */
  const active = (owner: JobRecord['owner']): JobRecord[] =>
    activeRecords
      .all(owner)
      .map(row => JSON.parse(String(row.record)) as JobRecord)
      .sort((a, b) => (a.createTime < b.createTime ? -1 : Number(a.createTime > b.createTime)));

  return { get, require, named, insert, change, move, wish, reopen, list, active };
}
