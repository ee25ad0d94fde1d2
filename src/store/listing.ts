/** Lists of jobs, page by page: the active ones first, each kind from the newest to the oldest. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { nextToken, positionOf } from './paging.ts';
import type { JobRecord } from './record.ts';
import { isEnded, type JobState } from './states.ts';

export interface JobFilter {
  id?: string;
  projectId?: string;
  location?: string;
  name?: string;
  templateId?: string;
  /** `active`: not ended; `ended`: ended; absent: both, the active ones first. */
  status?: 'active' | 'ended';
  state?: JobState;
  /** Only those that have ended with dead letters. */
  hasDeadLetters?: boolean;
  /** Texts that the name holds, each. */
  words?: readonly string[];
}

export interface Page<T> {
  items: T[];
  nextPageToken?: string;
}

export function listingIn(database: DatabaseSync) {
  /** A job that ends between two pages may be on both, but is never left out. */
  const list = (filter: JobFilter, pageSize: number, pageToken?: string): Page<JobRecord> => {
    const after = positionOf(pageToken);
    const rows: Record<string, unknown>[] = [];
    for (const ended of groupsOf(filter)) {
      if (after && ended < after[0]) continue;
      const [sql, values] = listingQuery(
        filter,
        ended,
        after?.[0] === ended ? [after[1], after[2]] : undefined,
      );
      const wanted = pageSize + 1 - rows.length;
      if (wanted > 0) rows.push(...database.prepare(sql).all(...values, wanted));
    }
    const items = rows.slice(0, pageSize).map((row): JobRecord => JSON.parse(String(row.record)));
    const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
    if (!last) return { items };
    return { items, nextPageToken: nextToken(Number(last.ended), String(last.sorted_at), String(last.id)) };
  };
  return { list };
}

function groupsOf({ status, state }: JobFilter): (0 | 1)[] {
  const wanted: (0 | 1)[] = status === undefined ? [0, 1] : [status === 'ended' ? 1 : 0];
  return state === undefined ? wanted : wanted.filter(group => group === Number(isEnded(state)));
}

/** One group in its order, from a place on: each is a range of an index. */
export function listingQuery(
  { id, projectId, location, name, templateId, state, hasDeadLetters = false, words = [] }: JobFilter,
  ended: 0 | 1,
  after?: [sortedAt: string, id: string],
): [sql: string, values: SQLInputValue[]] {
  const conditions = ['ended = ?'];
  const values: SQLInputValue[] = [ended];
  const where = (condition: string, ...more: SQLInputValue[]) => {
    conditions.push(condition);
    values.push(...more);
  };
  // A plus keeps SQLite from the index of what many jobs have where there is one of what few have.
  if (projectId !== undefined) where(`${templateId === undefined ? '' : '+'}project = ?`, projectId);
  if (name !== undefined) where('name = ?', name);
  if (location !== undefined) where(`${name === undefined ? '' : '+'}location = ?`, location);
  if (templateId !== undefined) where("record ->> '$.templateId' = ?", templateId);
  if (id !== undefined) where('id = ?', id);
  if (state !== undefined) where('state = ?', state);
  if (hasDeadLetters) where("record ->> '$.result.elements.deadLettered' > 0");
  for (const word of words) where('instr(name, ?) > 0', word);
  if (after) where('(sorted_at, id) < (?, ?)', ...after);
  const sql = `SELECT record, ended, sorted_at, id FROM jobs WHERE ${conditions.join(' AND ')}
     ORDER BY sorted_at DESC, id DESC LIMIT ?`;
  return [sql, values];
}
