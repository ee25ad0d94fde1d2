/** How far jobs have come: the counters their workers told last. */
import type { DatabaseSync } from 'node:sqlite';
import type { WorkerProgress } from '../worker/protocol.ts';
import { transaction } from './database.ts';

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
  return {
    save: (jobId: string, { time, ...progress }: JobProgress): void =>
      transaction(database, () => void write.run(jobId, time, JSON.stringify(progress))),
    remove: (jobId: string): void => transaction(database, () => void removal.run(jobId)),
    get(jobId: string): JobProgress | undefined {
      const row = read.get(jobId);
      return row && { ...JSON.parse(String(row.progress)), time: Number(row.time) };
    },
  };
}
