/**
 * The bulk loop: documents wait in a queue, are sent in bulks as large as there are, and several bulks are under way.
 * While nothing is under way what waits is sent at once; else it gathers until a bulk is full, one is answered, or it has
 * waited for long enough. A document whose id is under way waits for it, so that the last one stays.
 */
import type { BulkSender } from './bulk-sender.ts';
import { type Delivery, type Document, sizeOf } from './document.ts';

export interface LoaderSettings {
  /** A bulk has no more documents and, but for a single one, no more bytes. */
  documents: number;
  bytes: number;
  waitMs: number;
  /** How many bulks are under way at most. */
  bulks: number;
}

export interface Loader {
  /** Resolves when all documents of the delivery are answered; rejects when no more can be sent. */
  deliver(delivery: Delivery, documents: readonly Document[]): Promise<void>;
  close(): void;
}

export function openLoader(settings: LoaderSettings, sender: BulkSender): Loader {
  let waiting: Document[] = [];
  let bytes = 0;
  let underWay = 0;
  const idsUnderWay = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const stop = Promise.withResolvers<never>();
  stop.promise.catch(() => {});

  return {
    async deliver(delivery, documents) {
      if (documents.length === 0) return;
      const answered = new Promise<void>(resolve => {
        delivery.done = resolve;
      });
      for (const document of documents) {
        waiting.push(document);
        bytes += sizeOf(document);
      }
      sendWhatIsDue(false);
      await Promise.race([answered, stop.promise]);
    },
    close() {
      end(new Error('closed'));
    },
  };

  function sendWhatIsDue(isLate: boolean): void {
    while (!stopped && waiting.length > 0 && underWay < settings.bulks) {
      const isFull =
        waiting.length >= Math.min(settings.documents, sender.documents()) || bytes >= settings.bytes;
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
  function takeBulk(): Document[] {
    const most = Math.min(settings.documents, sender.documents());
    let taken = 0;
    let size = 0;
    for (const document of waiting) {
      const more = sizeOf(document);
      if (taken === most || (taken > 0 && size + more > settings.bytes)) break;
      if (document.id !== undefined && !document.ownId && idsUnderWay.has(document.id)) break;
      taken++;
      size += more;
    }
    const bulk = waiting.slice(0, taken);
    waiting = waiting.slice(taken);
    bytes -= size;
    return bulk;
  }

  async function send(bulk: Document[]): Promise<void> {
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

  function count(bulk: readonly Document[], by: 1 | -1): void {
    for (const { id, ownId } of bulk) {
      if (id === undefined || ownId) continue;
      const left = (idsUnderWay.get(id) ?? 0) + by;
      if (left === 0) idsUnderWay.delete(id);
      else idsUnderWay.set(id, left);
    }
  }

  function end(error: unknown): void {
    if (stopped) return;
    stopped = true;
    clearTimeout(timer);
    waiting = [];
    sender.stop();
    stop.reject(error);
  }
}
