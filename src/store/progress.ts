/** How far jobs have come: the counters their workers told last, and how they came there. */
import type { DatabaseSync } from 'node:sqlite';
import type { WorkerProgress } from '../worker/protocol.ts';
import { transaction } from './database.ts';
import { historyIn } from './history.ts';

export interface JobProgress extends WorkerProgress {
  /** ms since the epoch. */
  time: number;
}

export type ProgressStore = ReturnType<typeof progressIn>;

export function progressIn(database: DatabaseSync) {
  const write = database.prepare(
    'INSERT INTO progress (job, time, progress) VALUES (?, ?, ?) ON CONFLICT (job) DO UPDATE SET time = excluded.time, progress = excluded.progress',
  );
  const read = database.prepare('SELECT time, progress FROM progress WHERE job = ?');
  const removal = database.prepare('DELETE FROM progress WHERE job = ?');
  const history = historyIn(database);
  return {
    history,
    /** `isLast`: the job has ended with it. */
    save: (jobId: string, { time, ...progress }: JobProgress, isLast = false): void =>
      transaction(database, () => {
        write.run(jobId, time, JSON.stringify(progress));
        history.note(jobId, { time, ...progress }, isLast);
      }),
    remove: (jobId: string): void =>
      transaction(database, () => {
        removal.run(jobId);
        history.remove(jobId);
      }),
    get(jobId: string): JobProgress | undefined {
      const row = read.get(jobId);
      return row && { ...JSON.parse(String(row.progress)), time: Number(row.time) };
    },
  };
}
