/** Looks from time to time whether the scripts of a UDF have changed, and has the pool use the new ones. */
import type { StageContext } from '../engine/component.ts';
import type { UdfScript } from './frames.ts';
import type { Pool } from './pool.ts';

export interface Reloader {
  /** Begins a look when it is time for one; the batches that follow do not wait for it. */
  check(): void;
}

export interface ReloadOptions {
  everyMs: number;
  pool: Pick<Pool, 'replace'>;
  /** The scripts the pool has loaded. */
  scripts: UdfScript[];
  /** Reads the scripts again. */
  read(): Promise<UdfScript[]>;
  report: StageContext['report'];
  now?: () => number;
}

/** A reloader; a version that cannot be used is reported, once, and the last good one stays. */
export function createReloader({
  everyMs,
  pool,
  scripts,
  read,
  report,
  now = Date.now,
}: ReloadOptions): Reloader {
  let seen = JSON.stringify(scripts);
  let due = now() + everyMs;
  let looking = false;

  return {
    check() {
      if (looking || now() < due) return;
      looking = true;
      look().finally(() => {
        looking = false;
        due = now() + everyMs;
      });
    },
  };

  async function look(): Promise<void> {
    try {
      const scripts = await read();
      const found = JSON.stringify(scripts);
      if (found === seen) return;
      seen = found;
      await pool.replace(scripts);
      report('INFO', 'the UDF has changed: its new version is in use');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      report('WARNING', `the new version of the UDF cannot be used, so the last one stays: ${why}`);
    }
  }
}
