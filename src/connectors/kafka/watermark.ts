/**
 * How far the time of partitions has come: each follows the records read of it or, when it is at its end, the clock.
 * The time of all is that of the one that is furthest behind.
 */

/** How much older than a record read one yet to come may be: producers stamp their records, and send them later. */
const SLACK_MS = 10_000;
/** A partition at its end may still be written to by somebody who is slow. */
const IDLE_MS = 2000;

export class PartitionTimes {
  readonly #times = new Map<object, { watermark: number; lastBusyMs: number }>();

  /** Records with these times were read of a partition. */
  read(partition: object, times: Float64Array, nowMs = Date.now()): void {
    const known = this.#of(partition, nowMs);
    let least = nowMs;
    for (const time of times) if (time < least && time >= 0) least = time;
    known.watermark = Math.max(known.watermark, least - SLACK_MS);
    known.lastBusyMs = nowMs;
  }

  /** No later record of any of these is older, as far as one can tell. */
  at(partitions: readonly { partition: object; caughtUp: boolean }[], nowMs = Date.now()): number {
    let least = nowMs - SLACK_MS;
    for (const { partition, caughtUp } of partitions) {
      const known = this.#of(partition, nowMs);
      if (!caughtUp) known.lastBusyMs = nowMs;
      else if (nowMs - known.lastBusyMs >= IDLE_MS)
        known.watermark = Math.max(known.watermark, nowMs - SLACK_MS);
      if (known.watermark < least) least = known.watermark;
    }
    return least;
  }

  #of(partition: object, nowMs: number): { watermark: number; lastBusyMs: number } {
    const known = this.#times.get(partition) ?? {
      watermark: Number.NEGATIVE_INFINITY,
      lastBusyMs: nowMs,
    };
    this.#times.set(partition, known);
    return known;
  }
}
