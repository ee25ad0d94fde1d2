/** How jobs have done over time, for charts: samples that grow sparser with age. */
import type { DatabaseSync } from 'node:sqlite';
import type { WorkerProgress } from '../worker/protocol.ts';

/** What is kept of one moment; counts are those since the job began. */
export interface Sample {
  /** ms since the epoch. */
  time: number;
  /** By the full name of the transform: elements in and out, and failed. */
  stages: Record<string, [taken: number, given: number, failed: number]>;
  /** ms between the watermark and the time. */
  lagMs?: number;
  latencyMs?: number;
  memoryBytes?: number;
  backlogElements?: number;
  backlogBytes?: number;
}

type Progress = WorkerProgress & Pick<Sample, 'time'>;

const SAMPLE_MS = 5000;
/** From such an age on, one sample is kept of each span. */
const THINNING: readonly [ageMs: number, spanMs: number][] = [
  [3_600_000, 60_000],
  [86_400_000, 900_000],
];
/** How often what has grown old is looked for. */
const THIN_MS = 600_000;
/** Of so many jobs it is remembered when they were sampled last. */
const MAX_NOTED = 10_000;
/** More points than that no chart shows. */
export const MAX_SAMPLES = 5000;

export type HistoryStore = ReturnType<typeof historyIn>;

export function historyIn(database: DatabaseSync) {
  const insertion = database.prepare('INSERT OR REPLACE INTO history (job, time, sample) VALUES (?, ?, ?)');
  const reading = database.prepare(
    'SELECT time, sample FROM history WHERE job = ? AND time > ? ORDER BY time DESC LIMIT ?',
  );
  const thinning = database.prepare(
    `DELETE FROM history WHERE job = ?1 AND time < ?2 AND EXISTS (
       SELECT 1 FROM history AS other
       WHERE other.job = ?1 AND other.time < history.time AND other.time >= history.time - history.time % ?3)`,
  );
  const removal = database.prepare('DELETE FROM history WHERE job = ?');
  /** When the last sample of a job was kept, and when it was thinned, by this process. */
  const noted = new Map<string, { sampled: number; thinned: number }>();

  return {
    /** Keeps a sample, unless the last one is young. */
    note(jobId: string, progress: Progress, isLast = false): void {
      const { time } = progress;
      const before = noted.get(jobId) ?? { sampled: Number.NEGATIVE_INFINITY, thinned: time };
      if (!isLast && time - before.sampled < SAMPLE_MS) return;
      const { time: _, ...sample } = sampleOf(progress);
      insertion.run(jobId, time, JSON.stringify(sample));
      const isDue = time - before.thinned >= THIN_MS;
      if (isDue) for (const [ageMs, spanMs] of THINNING) thinning.run(jobId, time - ageMs, spanMs);
      noted.delete(jobId);
      if (isLast) return;
      noted.set(jobId, { sampled: time, thinned: isDue ? time : before.thinned });
      const [oldest] = noted.keys();
      if (noted.size > MAX_NOTED && oldest !== undefined) noted.delete(oldest);
    },
    /** The latest samples after a time, the oldest first. */
    after(jobId: string, time: number, limit = MAX_SAMPLES): Sample[] {
      const rows = reading.all(jobId, time, limit);
      return rows.reverse().map(row => ({ ...JSON.parse(String(row.sample)), time: Number(row.time) }));
    },
    remove(jobId: string): void {
      noted.delete(jobId);
      removal.run(jobId);
    },
  };
}

export function sampleOf({ time, counters, watermark, gauges }: Progress): Sample {
  return {
    time,
    stages: Object.fromEntries(
      Object.entries(counters).map(([stage, { in: taken, out, failed }]) => [stage, [taken, out, failed]]),
    ),
    ...(watermark !== undefined && watermark > 0 && watermark <= time && { lagMs: time - watermark }),
    ...(gauges?.latencyMs !== undefined && { latencyMs: gauges.latencyMs }),
    ...(gauges?.memoryBytes !== undefined && { memoryBytes: gauges.memoryBytes }),
    ...(gauges?.backlog?.elements !== undefined && { backlogElements: gauges.backlog.elements }),
    ...(gauges?.backlog?.bytes !== undefined && { backlogBytes: gauges.backlog.bytes }),
  };
}
