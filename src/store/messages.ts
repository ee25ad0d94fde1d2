/** What workers and the service told of a job. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { SluiceError } from '../errors.ts';
import type { Severity } from '../worker/protocol.ts';
import { transaction } from './database.ts';

export interface JobMessage {
  /** Ascending within a store. */
  id: number;
  jobId: string;
  /** ms since the epoch. */
  time: number;
  severity: Severity;
  text: string;
  stage?: string;
}

export interface NewMessage extends Omit<JobMessage, 'id'> {
  /** Where it was read: a message of the same origin is added once. */
  origin?: string;
}

export interface MessageFilter {
  severities?: readonly Severity[];
  /** ms since the epoch, inclusive … */
  from?: number;
  /** … and exclusive. */
  to?: number;
  /** Only those with a greater id. */
  afterId?: number;
}

export interface LatestFilter {
  severities: readonly Severity[];
  /** In small letters: the text holds each of them. */
  words: readonly string[];
  beforeId?: number;
  limit: number;
}

/** Of a job only the last ones are kept; of a text as much as somebody may want to read. */
export const MAX_MESSAGES = 10_000;
const MAX_TEXT = 16_384;

export type Messages = ReturnType<typeof messagesIn>;

export function messagesIn(database: DatabaseSync) {
  const insertion = database.prepare(
    'INSERT OR IGNORE INTO messages (job, time, severity, text, stage, origin) VALUES (?, ?, ?, ?, ?, ?) RETURNING id',
  );
  const trimming = database.prepare(
    `DELETE FROM messages WHERE job = ?1 AND (time, id) <=
       (SELECT time, id FROM messages WHERE job = ?1 ORDER BY time DESC, id DESC LIMIT 1 OFFSET ?2)`,
  );
  const later = database.prepare(
    'SELECT id, job, time, severity, text, stage FROM messages WHERE id > ? ORDER BY id LIMIT ?',
  );
  // All messages of all jobs would be looked through for those of one.
  const laterOfJob = database.prepare(
    `SELECT id, job, time, severity, text, stage FROM messages INDEXED BY messages_by_job
     WHERE job = ? AND id > ? ORDER BY id LIMIT ?`,
  );
  const last = database.prepare('SELECT max(id) AS id FROM messages');
  const removal = database.prepare('DELETE FROM messages WHERE job = ?');

  /** Adds them in one transaction; gives those that were new, with their ids. */
  const add = (messages: readonly NewMessage[]): JobMessage[] =>
    transaction(database, () => {
      const added = messages.flatMap(({ origin, ...message }) => {
        const { jobId, time, severity, stage } = message;
        const text = message.text.slice(0, MAX_TEXT);
        const row = insertion.get(jobId, time, severity, text, stage ?? null, origin ?? null);
        return row ? [{ ...message, text, id: Number(row.id) }] : [];
      });
      for (const jobId of new Set(added.map(each => each.jobId))) trimming.run(jobId, MAX_MESSAGES);
      return added;
    });

  /** Forgets those of a job. */
  const remove = (jobId: string): void => transaction(database, () => void removal.run(jobId));

  /** Those of a job, oldest first. */
  const list = (jobId: string, filter: MessageFilter, pageSize: number, pageToken?: string) => {
    const conditions = ['job = ?'];
    const values: (string | number)[] = [jobId];
    const where = (condition: string, ...more: (string | number)[]) => {
      conditions.push(condition);
      values.push(...more);
    };
    const { severities, from, to, afterId } = filter;
    if (severities) where(`severity IN (${severities.map(() => '?').join(', ')})`, ...severities);
    if (from !== undefined) where('time >= ?', from);
    if (to !== undefined) where('time < ?', to);
    if (afterId !== undefined) where('id > ?', afterId);
    const after = placeOf(pageToken);
    if (after) where('(time, id) > (?, ?)', after[0], after[1]);
    const rows = database
      .prepare(
        `SELECT id, time, severity, text, stage FROM messages WHERE ${conditions.join(' AND ')}
         ORDER BY time, id LIMIT ?`,
      )
      .all(...values, pageSize + 1);
    const items = rows.slice(0, pageSize).map(row => messageOf({ ...row, job: jobId }));
    const last = rows.length > pageSize ? items.at(-1) : undefined;
    return last ? { items, nextPageToken: tokenOf(last) } : { items };
  };

  /** Those of a job from the latest back; `before` is where the next ones are to be looked for. */
  const latest = (
    jobId: string,
    { severities, words, beforeId, limit }: LatestFilter,
  ): { items: JobMessage[]; before?: number } => {
    const rows = database
      .prepare(
        `SELECT id, time, severity, text, stage FROM messages INDEXED BY messages_by_job
         WHERE (?1 IS NULL OR (time, id) < (SELECT time, id FROM messages WHERE id = ?1))
           AND job = ? AND severity IN (${severities.map(() => '?').join(', ')})
           ${words.map(() => 'AND instr(lower(text), ?) > 0').join(' ')}
         ORDER BY time DESC, id DESC LIMIT ?`,
      )
      .all(beforeId ?? null, jobId, ...severities, ...words, limit + 1);
    const items = rows.slice(0, limit).map(row => messageOf({ ...row, job: jobId }));
    const last = rows.length > limit ? items.at(-1) : undefined;
    return last ? { items, before: last.id } : { items };
  };

  /** The first ones with a greater id, in the order of their ids: of one job, or of all. */
  const after = (id: number, limit: number, jobId?: string): JobMessage[] =>
    (jobId === undefined ? later.all(id, limit) : laterOfJob.all(jobId, id, limit)).map(messageOf);

  /** The id of the last message there is; 0 when there is none. */
  const lastId = (): number => Number(last.get()?.id ?? 0);

  return { add, list, latest, remove, after, lastId };
}

function messageOf({ id, job, time, severity, text, stage }: Record<string, SQLOutputValue>): JobMessage {
  return {
    id: Number(id),
    jobId: String(job),
    time: Number(time),
    severity: severity as Severity,
    text: String(text),
    ...(stage !== null && { stage: String(stage) }),
  };
}

const tokenOf = ({ time, id }: JobMessage): string => Buffer.from(`${time}:${id}`).toString('base64url');

function placeOf(token: string | undefined): [number, number] | undefined {
  if (token === undefined || token === '') return undefined;
  const [, time, id] = /^(\d{1,15}):(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (time !== undefined && id !== undefined) return [Number(time), Number(id)];
  throw new SluiceError('REQUEST_INVALID', 'pageToken: no page has given this token');
}
