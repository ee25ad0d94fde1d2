/** A bounded queue between two stages: whoever puts waits while it is full, so that a slow sink slows its source. */
export class Queue<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  #taker: ((item: T | undefined) => void) | undefined;
  #putters: (() => void)[] = [];
  #closed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds an item; resolves when there was room for it. After `close` the item is dropped. */
  async put(item: T): Promise<void> {
    while (this.#items.length >= this.#capacity && !this.#closed) {
      await new Promise<void>(resolve => this.#putters.push(resolve));
    }
    if (this.#closed) return;
    if (this.#taker) {
      const take = this.#taker;
      this.#taker = undefined;
      take(item);
    } else this.#items.push(item);
  }

  /** The oldest item, waiting for one; undefined after `close`. One taker at a time. */
  async take(): Promise<T | undefined> {
    if (this.#closed) return undefined;
    const item = this.#items.shift();
    if (item === undefined) return new Promise(resolve => (this.#taker = resolve));
    this.#putters.shift()?.();
    return item;
  }

  /** Lets everyone who waits go, and drops what is inside. */
  close(): void {
    this.#closed = true;
    this.#items.length = 0;
    this.#taker?.(undefined);
    for (const resume of this.#putters.splice(0)) resume();
  }
}
