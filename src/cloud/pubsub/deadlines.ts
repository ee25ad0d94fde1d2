/** Tells when the deadlines of many ids have come: a wheel of buckets, so that setting one costs next to nothing. */

const BUCKET_MS = 100;

export class Deadlines {
  readonly #buckets = new Map<number, number[]>();
  readonly #due: (ids: number[]) => void;
  #timer: NodeJS.Timeout | undefined;

  /** `due` gets the ids of each bucket that is over; whether a deadline was moved meanwhile is its to know. */
  constructor(due: (ids: number[]) => void) {
    this.#due = due;
  }

  set(id: number, atMs: number): void {
    const bucket = Math.floor(atMs / BUCKET_MS) + 1;
    const ids = this.#buckets.get(bucket);
    if (ids) ids.push(id);
    else this.#buckets.set(bucket, [id]);
    this.#timer ??= setInterval(() => this.#turn(), BUCKET_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#buckets.clear();
  }

  #turn(): void {
    const now = Math.floor(Date.now() / BUCKET_MS);
    for (const [bucket, ids] of this.#buckets) {
      if (bucket > now) continue;
      this.#buckets.delete(bucket);
      this.#due(ids);
    }
    if (this.#buckets.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
