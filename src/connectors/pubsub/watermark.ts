/**
 * How far the time of a subscription has come: with a backlog it follows the messages read, without one the clock.
 * A guess that only grows; what is older than it is late.
 */
const IDLE_MS = 2000;

export class WatermarkGuess {
  #watermark = Number.NEGATIVE_INFINITY;
  readonly #slackMs: number;
  /** When a message may last have been on its way. */
  #lastBusyMs: number;

  /**
   * @param slackMs how much older than a message read one yet to come may be
   * @param busyUntilMs until then nothing is idle: messages may still be held for a worker that died
   */
  constructor(slackMs: number, busyUntilMs = Date.now()) {
    this.#slackMs = slackMs;
    this.#lastBusyMs = busyUntilMs;
  }

  /** A batch with these event times was read. */
  read(times: Float64Array, nowMs = Date.now()): void {
    this.#busy(nowMs);
    let least = nowMs;
    for (const time of times) if (time < least) least = time;
    this.#watermark = Math.max(this.#watermark, least - this.#slackMs);
  }

  /** `caughtUp`: there is a connection, and nothing received waits to be read. */
  at(caughtUp: boolean, nowMs = Date.now()): number {
    if (!caughtUp) this.#busy(nowMs);
    else if (nowMs - this.#lastBusyMs >= IDLE_MS)
      this.#watermark = Math.max(this.#watermark, nowMs - this.#slackMs);
    return this.#watermark;
  }

  #busy(nowMs: number): void {
    this.#lastBusyMs = Math.max(this.#lastBusyMs, nowMs);
  }
}
