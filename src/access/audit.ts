/** Who did what: launches, stops, uploads, replays, tokens. */
import type { Page } from '../store/jobs.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './roles.ts';

export interface AuditEntry {
  id: number;
  /** RFC 3339. */
  time: string;
  who: string;
  /** `job.launch`, `job.stop`, `udf.upload` … */
  action: string;
  /** What it was done to: the id of a job, the name of a function or a token. */
  subject: string;
  details: Record<string, unknown>;
}

/** Notes that somebody did something; secrets do not belong into the details. */
export function audit(
  { store: { database } }: { store: Pick<Store, 'database'> },
  { name }: Pick<Caller, 'name'>,
  action: string,
  subject: string,
  details: Record<string, unknown> = {},
): void {
  database
    .prepare('INSERT INTO audit (time, who, action, subject, details) VALUES (?, ?, ?, ?, ?)')
    .run(Date.now(), name, action, subject, JSON.stringify(details));
}

export interface AuditFilter {
  subject?: string;
  who?: string;
  /** Only those before this one. */
  beforeId?: number;
}

/** What was done, the latest first. */
export function auditEntries(
  { store: { database } }: { store: Pick<Store, 'database'> },
  filter: AuditFilter,
  pageSize: number,
): Page<AuditEntry> {
  const { subject = null, who = null, beforeId = null } = filter;
  const rows = database
    .prepare(
      `SELECT id, time, who, action, subject, details FROM audit
       WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR who = ?2) AND (?3 IS NULL OR id < ?3)
       ORDER BY id DESC LIMIT ?4`,
    )
    .all(subject, who, beforeId, pageSize + 1);
  const items = rows.slice(0, pageSize).map(
    (row): AuditEntry => ({
      id: Number(row.id),
      time: new Date(Number(row.time)).toISOString(),
      who: String(row.who),
      action: String(row.action),
      subject: String(row.subject),
      details: JSON.parse(String(row.details)),
    }),
  );
  const last = rows.length > pageSize ? items.at(-1) : undefined;
  return last ? { items, nextPageToken: String(last.id) } : { items };
}
