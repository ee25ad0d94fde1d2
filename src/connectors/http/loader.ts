/**
 * The bulk loop: what is to be sent waits in a queue, goes in bulks as large as there are, and several bulks are under
 * way. While nothing is under way what waits is sent at once; else it gathers until a bulk is full, one is answered, or it
 * has waited for long enough. What has a key that is under way waits for that, so that the last one stays.
 */
import { type Batch, type Failure, selectElements } from '../../engine/batch.ts';

/** One batch that waits until all of it is answered. */
export interface Delivery {
  batch: Batch;
  unanswered: number;
  failed: { index: number; failure: Failure }[];
  done(): void;
}

/** What is made of one element. */
export interface Parcel {
  delivery: Delivery;
  /** Which element of the batch it is. */
  element: number;
  /** About what it takes in a request. */
  bytes: number;
  /** Two of the same are never under way at once. */
  key?: string;
}

export interface BulkSender<Item extends Parcel> {
  /** Resolves when each item is written or refused. Throws what ends the job. */
  send(items: readonly Item[]): Promise<void>;
  /** How many items the server takes at a time, as far as is known. */
  most(): number;
  stop(): void;
}

export interface LoaderSettings {
  /** A bulk has no more items and, but for a single one, no more bytes. */
  items: number;
  bytes: number;
  waitMs: number;
  /** How many bulks are under way at most. */
  bulks: number;
}

export interface Loader<Item extends Parcel> {
  /** Resolves when all items of the delivery are answered; rejects when no more can be sent. */
  deliver(delivery: Delivery, items: readonly Item[]): Promise<void>;
  close(): void;
}

export function openLoader<Item extends Parcel>(
  settings: LoaderSettings,
  sender: BulkSender<Item>,
): Loader<Item> {
  let waiting: Item[] = [];
  let bytes = 0;
  let underWay = 0;
  const keysUnderWay = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  /** Those who wait for their answers: a promise that all of them waited for would keep something of each for ever. */
  const callers = new Set<(error: unknown) => void>();
  let failure: unknown;

  return {
    async deliver(delivery, items) {
      delivery.unanswered = items.length;
      if (items.length === 0) return;
      if (stopped) throw failure;
      const { promise: answered, resolve, reject } = Promise.withResolvers<void>();
      delivery.done = () => {
        callers.delete(reject);
        resolve();
      };
      callers.add(reject);
      for (const item of items) {
        waiting.push(item);
        bytes += item.bytes;
      }
      sendWhatIsDue(false);
      await answered;
    },
    close() {
      end(new Error('closed'));
    },
  };

  function sendWhatIsDue(isLate: boolean): void {
    while (!stopped && waiting.length > 0 && underWay < settings.bulks) {
      const isFull = waiting.length >= Math.min(settings.items, sender.most()) || bytes >= settings.bytes;
      if (!isFull && underWay > 0 && !isLate) break;
      const bulk = takeBulk();
      if (bulk.length === 0) break;
      void send(bulk);
    }
    clearTimeout(timer);
    if (!stopped && waiting.length > 0 && underWay < settings.bulks)
      timer = setTimeout(sendWhatIsDue, settings.waitMs, true);
  }

  /** Empty when the first that waits may not go yet. */
  function takeBulk(): Item[] {
    const most = Math.min(settings.items, sender.most());
    let taken = 0;
    let size = 0;
    for (const { bytes: more, key } of waiting) {
      if (taken === most || (taken > 0 && size + more > settings.bytes)) break;
      if (key !== undefined && keysUnderWay.has(key)) break;
      taken++;
      size += more;
    }
    const bulk = waiting.slice(0, taken);
    waiting = waiting.slice(taken);
    bytes -= size;
    return bulk;
  }

  async function send(bulk: Item[]): Promise<void> {
    underWay++;
    count(bulk, 1);
    try {
      await sender.send(bulk);
    } catch (error) {
      end(error);
    }
    count(bulk, -1);
    underWay--;
    sendWhatIsDue(false);
  }

  function count(bulk: readonly Item[], by: 1 | -1): void {
    for (const { key } of bulk) {
      if (key === undefined) continue;
      const left = (keysUnderWay.get(key) ?? 0) + by;
      if (left === 0) keysUnderWay.delete(key);
      else keysUnderWay.set(key, left);
    }
  }

  function end(error: unknown): void {
    if (stopped) return;
    stopped = true;
    clearTimeout(timer);
    waiting = [];
    sender.stop();
    failure = error;
    for (const reject of callers) reject(error);
    callers.clear();
  }
}

/** A batch that nothing is known of yet. */
export const deliveryOf = (batch: Batch): Delivery => ({ batch, unanswered: 0, failed: [], done: () => {} });

/** Notes that an item is answered for. */
export function finish({ delivery }: Parcel): void {
  if (--delivery.unanswered === 0) delivery.done();
}

/** Notes that the server refuses an item for good. */
export function refuse(item: Parcel, failure: Failure): void {
  item.delivery.failed.push({ index: item.element, failure });
  finish(item);
}

/** What a sink answers for a delivery that is done. */
export function failedOf({ batch, failed }: Delivery): { failed: Batch } | undefined {
  if (failed.length === 0) return undefined;
  failed.sort((a, b) => a.index - b.index);
  const indices = failed.map(({ index }) => index);
  const failures = failed.map(({ failure }) => failure);
  return { failed: selectElements(batch, indices, failures) };
}
