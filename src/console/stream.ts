/** Sends Server-Sent Events to a page, no faster than it takes them. */
import { once } from 'node:events';
import type { Response } from 'express';
import { SluiceError } from '../errors.ts';

/** A browser that takes nothing for so long has gone, whatever its socket says. */
const PATIENCE_MS = 60_000;
/** Each open page has one. */
const MAX_STREAMS = 256;

let open = 0;

/** @throws SluiceError TOO_MANY_REQUESTS */
export async function sendStream(stream: AsyncIterable<string>, response: Response): Promise<void> {
  if (open >= MAX_STREAMS)
    throw new SluiceError('TOO_MANY_REQUESTS', `${MAX_STREAMS} pages are kept up to date already.`);
  response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders();
  open++;
  try {
    for await (const piece of stream) {
      if (response.closed) return;
      if (!response.write(piece)) await once(response, 'drain', { signal: AbortSignal.timeout(PATIENCE_MS) });
    }
    response.end();
  } catch (error) {
    const isGone = response.closed;
    response.destroy();
    if (!isGone) throw error;
  } finally {
    open--;
  }
}
