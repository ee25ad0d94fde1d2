/**
 * How far the time of a subscription has come: with a backlog it follows the messages read, without one the clock.
 * A guess that only grows; what is older than it is late.
 */
const IDLE_MS = 2000;
/** Publishers' and readers' paths differ a little: messages come slightly out of the order of their times. */
const SLACK_MS = 1000;

export class WatermarkGuess {
  #watermark = Number.NEGATIVE_INFINITY;
  #lastReadMs: number;

  constructor(nowMs = Date.now()) {
    this.#lastReadMs = nowMs;
  }

  /** A batch with these event times was read. */
  read(times: Float64Array, nowMs = Date.now()): void {
    this.#lastReadMs = nowMs;
    let least = nowMs;
    for (const time of times) if (time < least) least = time;
    this.#watermark = Math.max(this.#watermark, least - SLACK_MS);
  }

  /** `caughtUp`: nothing received waits to be read. */
  at(caughtUp: boolean, nowMs = Date.now()): number {
    if (caughtUp && nowMs - this.#lastReadMs >= IDLE_MS)
      this.#watermark = Math.max(this.#watermark, nowMs - SLACK_MS);
    return this.#watermark;
  }
}
