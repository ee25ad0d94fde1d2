/**
 * Receives the messages of a subscription through one stream: holds back when too much waits to be read, opens the
 * stream again when it breaks, and keeps the leases of everything that is not acknowledged yet.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { PubsubConnection, PullStream, ReceivedMessage } from './client.ts';
import { extendLeases } from './leases.ts';
import { retryDelayMs, verdictOf } from './retry.ts';

/** What waits to be read before the stream is held back. */
const WAITING_BYTES = 4 << 20;
const WAITING_MESSAGES = 5000;
/**
 * How long Pub/Sub waits for an acknowledgement. What a worker had when it died, and what was on its way when a connection
 * broke, comes again that much later.
 */
export const LEASE_SECONDS = 20;
/** Twice within a lease, with room for a late timer. */
const EXTEND_MS = 8000;
/** What is on its way when the stream is ended: received, it can be given back at once. */
const LAST_MESSAGES_MS = 1000;

export class Reception {
  readonly #connection: PubsubConnection;
  readonly #subscription: string;
  readonly #outstanding: () => Iterable<string>;
  readonly #extending: NodeJS.Timeout;
  #stream: PullStream | undefined;
  #waiting: ReceivedMessage[] = [];
  #next = 0;
  #waitingBytes = 0;
  #failure: { error: unknown } | undefined;
  /** Until then something may come again that was on its way when a stream broke. */
  #missingUntilMs = 0;
  #wake: () => void = () => {};
  readonly #receiving: Promise<void>;
  readonly #closing = new AbortController();

  /** `outstanding` gives the ack ids that were read and are not acknowledged. */
  constructor(connection: PubsubConnection, subscription: string, outstanding: () => Iterable<string>) {
    this.#connection = connection;
    this.#subscription = subscription;
    this.#outstanding = outstanding;
    this.#extending = setInterval(() => this.#extend(), EXTEND_MS);
    this.#extending.unref();
    this.#receiving = this.#receive();
  }

  /** True when there is a message to take. */
  get ready(): boolean {
    return this.#next < this.#waiting.length;
  }

  /** True when nothing waits, and messages would come if there were any. */
  get caughtUp(): boolean {
    return !this.ready && this.#connection.ready && Date.now() >= this.#missingUntilMs;
  }

  /** Takes up to this many messages, in the order in which they came. */
  take(maxMessages: number, maxBytes: number): ReceivedMessage[] {
    const end = Math.min(this.#next + maxMessages, this.#waiting.length);
    let bytes = 0;
    let at = this.#next;
    while (at < end && bytes < maxBytes) bytes += sizeOf(this.#waiting[at++]);
    const taken = this.#waiting.slice(this.#next, at);
    this.#next = at;
    this.#waitingBytes -= bytes;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    if (!this.#full) this.#stream?.resume();
    return taken;
  }

  /** Resolves when there is a message or `signal` says stop; throws what broke the stream for good. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.ready && !this.#failure && !signal.aborted) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
        signal.addEventListener('abort', this.#wake, { once: true });
      });
      signal.removeEventListener('abort', this.#wake);
    }
    if (!this.ready && this.#failure) throw this.#failure.error;
  }

  /** Stops receiving; what waits and `unacknowledged` is given back, to be delivered again at once. */
  async close(unacknowledged: readonly string[]): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#extending);
    if (this.#stream) await this.#end(this.#stream);
    await this.#receiving;
    const waiting = this.#waiting.slice(this.#next).map(({ ackId }) => ackId);
    this.#waiting = [];
    this.#next = 0;
    await extendLeases(this.#connection, this.#subscription, [...waiting, ...unacknowledged], 0);
  }

  /** Receives the last messages and ends the stream; one that was opened in this turn would not be ended. */
  async #end(stream: PullStream): Promise<void> {
    await setImmediate();
    stream.resume();
    stream.end();
    await Promise.race([this.#receiving, sleep(LAST_MESSAGES_MS, undefined, { ref: false })]);
    stream.cancel();
  }

  get #full(): boolean {
    return this.#waiting.length - this.#next >= WAITING_MESSAGES || this.#waitingBytes >= WAITING_BYTES;
  }

  /** Opens one stream after the other; ends when one breaks for good. */
  async #receive(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        // Pub/Sub ends every stream after a while: only failures without any message between them count.
        if (await this.#receiveStream()) attempt = 0;
        if (signal.aborted) return;
        await this.#connection.recover();
      } catch (error) {
        const delayMs = retryDelayMs(attempt++);
        if (signal.aborted) return;
        if (verdictOf(error) === 'final' || delayMs === undefined) {
          this.#failure = { error };
          this.#wake();
          return;
        }
        await sleep(delayMs, undefined, { signal }).catch(() => {});
        await this.#connection.recover().catch(() => {});
      }
    }
  }

  /** Receives until the stream ends; true when a message came. */
  async #receiveStream(): Promise<boolean> {
    const stream = await this.#connection.streamingPull(this.#subscription);
    stream.on('error', () => {});
    if (this.#closing.signal.aborted) {
      await setImmediate();
      stream.cancel();
      return false;
    }
    this.#stream = stream;
    let received = false;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    stream.on('data', ({ receivedMessages }) => {
      received = true;
      this.#add(receivedMessages);
    });
    stream.on('error', error => (received ? resolve() : reject(error)));
    stream.on('end', resolve);
    stream.write({
      subscription: this.#subscription,
      streamAckDeadlineSeconds: LEASE_SECONDS,
      clientId: randomUUID(),
    });
    await promise.finally(() => {
      this.#stream = undefined;
    });
    // The embedded service gives back at once what a connection had.
    if (received && !this.#connection.embedded) this.#missingUntilMs = Date.now() + LEASE_SECONDS * 1000;
    return received;
  }

  #add(messages: readonly ReceivedMessage[]): void {
    for (const message of messages) {
      this.#waiting.push(message);
      this.#waitingBytes += sizeOf(message);
    }
    if (this.#full && !this.#closing.signal.aborted) this.#stream?.pause();
    if (messages.length > 0) this.#wake();
  }

  #extend(): void {
    const ids = [...this.#outstanding()];
    for (let i = this.#next; i < this.#waiting.length; i++) ids.push(this.#waiting[i]?.ackId ?? '');
    // What is not extended is delivered again, and known by its id.
    extendLeases(this.#connection, this.#subscription, ids, LEASE_SECONDS).catch(() => {});
  }
}

/** Roughly what a waiting message takes of memory. */
function sizeOf(received: ReceivedMessage | undefined): number {
  return (received?.message?.data.length ?? 0) + 300;
}
