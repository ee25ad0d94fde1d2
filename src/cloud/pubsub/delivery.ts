/**
 * Hands out the messages of one subscription and takes their acknowledgements. Who holds what until when is kept
 * in memory only: after a restart every message that is not acknowledged may be delivered again at once. The
 * backlog is read through a cursor, so that memory depends on what is outstanding and not on what waits.
 */
import { Deadlines } from './deadlines.ts';
import { Ordering } from './ordering.ts';
import type { Backlog, StoredMessage } from './store.ts';
import type { DeliveredMessage } from './wire.ts';

/** Who messages are handed out to, with what it has not acknowledged yet. */
export interface Holder {
  messages: number;
  bytes: number;
}

export interface DeliveryPolicy {
  ordered: boolean;
  /** Deliveries after which `deadLetter` is asked to take the message; 0: never. */
  maxAttempts: number;
  /** How long a message that came back waits. */
  backoffMs?: { min: number; max: number };
}

/** How much may be handed out at once. */
export interface Room {
  messages: number;
  bytes: number;
}

interface Lease {
  key: string;
  bytes: number;
  untilMs: number;
  generation: number;
  holder: Holder;
}

/** What one subscription may have outstanding at once: bounds the memory that careless subscribers cost. */
const MAX_OUTSTANDING = 1_000_000;

export class Delivery {
  policy: DeliveryPolicy;
  readonly #number: number;
  readonly #backlog: Backlog;
  readonly #deadLetter: (message: StoredMessage, attempts: number) => boolean;
  readonly #leases = new Map<number, Lease>();
  readonly #ordering = new Ordering();
  readonly #deadlines = new Deadlines(ids => this.#expire(ids));
  /** Without a key, to be handed out again. */
  #returned: number[] = [];
  readonly #waitingUntil = new Map<number, number>();
  readonly #attempts = new Map<number, number>();
  readonly #wakers = new Set<() => void>();
  #cursor = 0;
  /** Tells the leases of one handing-out from those of another, also over a restart. */
  #generation = Date.now();

  constructor(
    number: number,
    backlog: Backlog,
    policy: DeliveryPolicy,
    deadLetter: (message: StoredMessage, attempts: number) => boolean,
  ) {
    this.#number = number;
    this.#backlog = backlog;
    this.policy = policy;
    this.#deadLetter = deadLetter;
  }

  /** Calls `waker` whenever there may be something to take, until the function it gives is called. */
  onReady(waker: () => void): () => void {
    this.#wakers.add(waker);
    return () => this.#wakers.delete(waker);
  }

  wake(): void {
    for (const waker of this.#wakers) waker();
  }

  /** Hands out what waits, as far as there is room (always at least one message). */
  take(holder: Holder, room: Room, deadlineMs: number): DeliveredMessage[] {
    const taken: DeliveredMessage[] = [];
    if (this.#leases.size >= MAX_OUTSTANDING) return taken;
    const generation = ++this.#generation;
    const untilMs = Date.now() + deadlineMs;
    let left = room.bytes;
    const accept = (message: StoredMessage): boolean => {
      const bytes = message.body.length;
      if (taken.length >= room.messages || (taken.length > 0 && bytes > left)) return false;
      left -= bytes;
      const lease = { key: message.key, bytes, untilMs, generation, holder };
      taken.push(this.#lease(message, lease));
      return true;
    };
    this.#takeReturned(accept);
    this.#takeReadyKeys(accept);
    this.#takeNew(accept);
    return taken;
  }

  #takeReturned(accept: (message: StoredMessage) => boolean): void {
    let done = 0;
    for (const id of this.#returned) {
      const message = this.#backlog.get(id);
      if (message && !accept(message)) break;
      done++;
    }
    if (done > 0) this.#returned = this.#returned.slice(done);
  }

  #takeReadyKeys(accept: (message: StoredMessage) => boolean): void {
    for (let next = this.#ordering.nextReady(); next; next = this.#ordering.nextReady()) {
      const ids: number[] = [];
      let resumeFrom: number | undefined;
      for (const message of this.#backlog.ofKey(next.key, next.from, this.#cursor)) {
        if (accept(message)) {
          ids.push(message.id);
          continue;
        }
        resumeFrom = message.id;
        break;
      }
      if (ids.length === 0 && resumeFrom !== undefined) return;
      this.#ordering.lease(next.key, ids, resumeFrom);
      if (resumeFrom !== undefined) return;
    }
  }

  #takeNew(accept: (message: StoredMessage) => boolean): void {
    const mine = new Map<string, number[]>();
    for (const message of this.#backlog.after(this.#cursor)) {
      const key = this.policy.ordered ? message.key : '';
      const own = key === '' ? undefined : mine.get(key);
      if (key !== '' && !own && this.#ordering.mustWait(key, message.id)) {
        this.#cursor = message.id;
        continue;
      }
      if (!accept(message)) break;
      this.#cursor = message.id;
      if (own) own.push(message.id);
      else if (key !== '') mine.set(key, [message.id]);
    }
    for (const [key, ids] of mine) this.#ordering.lease(key, ids);
  }

  #lease(message: StoredMessage, lease: Lease): DeliveredMessage {
    const { id, body, publishedMs } = message;
    this.#leases.set(id, lease);
    this.#deadlines.set(id, lease.untilMs);
    lease.holder.messages++;
    lease.holder.bytes += lease.bytes;
    const attempt = this.#countsAttempts() ? (this.#attempts.get(id) ?? 0) + 1 : 0;
    if (attempt > 0) this.#attempts.set(id, attempt);
    const ackId = `${this.#number}-${id}-${lease.generation}`;
    return { id, ackId, body, publishedMs, attempt: this.policy.maxAttempts > 0 ? attempt : 0 };
  }

  #countsAttempts(): boolean {
    return this.policy.maxAttempts > 0 || this.policy.backoffMs !== undefined;
  }

  /** Deletes the messages from the backlog (call it within a write of the store); see `forget`. */
  delete(ids: readonly number[]): void {
    for (const id of ids) this.#backlog.delete(id);
  }

  /** Ends the leases of messages that were deleted, once that is durable. */
  forget(ids: readonly number[]): void {
    for (const id of ids) {
      const lease = this.#leases.get(id);
      this.#attempts.delete(id);
      if (!lease) continue;
      this.#release(id, lease);
      if (lease.key !== '') this.#ordering.acknowledge(lease.key, id);
    }
    this.wake();
  }

  /** Moves the deadline of what is still held under these ack ids; 0 gives it back at once. */
  modifyDeadline(ids: readonly { id: number; generation: number }[], deadlineMs: number): void {
    const untilMs = Date.now() + deadlineMs;
    for (const { id, generation } of ids) {
      const lease = this.#leases.get(id);
      if (!lease || lease.generation !== generation) continue;
      if (deadlineMs === 0) this.#giveBack(id, lease);
      else {
        lease.untilMs = untilMs;
        this.#deadlines.set(id, untilMs);
      }
    }
    if (deadlineMs === 0) this.wake();
  }

  /** Gives back all that this holder holds: it is gone. */
  abandon(holder: Holder): void {
    if (holder.messages === 0) return;
    for (const [id, lease] of this.#leases) if (lease.holder === holder) this.#giveBack(id, lease);
    this.wake();
  }

  stop(): void {
    this.#deadlines.stop();
    this.#leases.clear();
  }

  #expire(ids: readonly number[]): void {
    const now = Date.now();
    for (const id of ids) {
      const lease = this.#leases.get(id);
      if (lease && lease.untilMs <= now) this.#giveBack(id, lease);
      const waitingUntil = this.#waitingUntil.get(id);
      if (waitingUntil !== undefined && waitingUntil <= now) {
        this.#waitingUntil.delete(id);
        this.#returned.push(id);
      }
    }
    this.wake();
  }

  #release(id: number, lease: Lease): void {
    this.#leases.delete(id);
    lease.holder.messages--;
    lease.holder.bytes -= lease.bytes;
  }

  #giveBack(id: number, lease: Lease): void {
    this.#release(id, lease);
    const attempts = this.#attempts.get(id) ?? 0;
    const { ordered, maxAttempts, backoffMs } = this.policy;
    let dead = false;
    if (maxAttempts > 0 && attempts >= maxAttempts) {
      const message = this.#backlog.get(id);
      dead = message !== undefined && this.#deadLetter(message, attempts);
      if (dead) this.#attempts.delete(id);
    }
    if (ordered && lease.key !== '') {
      for (const later of this.#ordering.giveBack(lease.key, id)) {
        const other = this.#leases.get(later);
        if (other) this.#release(later, other);
      }
    } else if (!dead && backoffMs) {
      const delay = Math.min(backoffMs.max, backoffMs.min * 2 ** Math.max(0, attempts - 1));
      this.#waitingUntil.set(id, Date.now() + delay);
      this.#deadlines.set(id, Date.now() + delay);
    } else if (!dead) this.#returned.push(id);
  }
}
