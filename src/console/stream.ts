/** Sends Server-Sent Events to a page, no faster than it takes them. */
import { once } from 'node:events';
import type { Response } from 'express';

/** A browser that takes nothing for so long has gone, whatever its socket says. */
const PATIENCE_MS = 60_000;

export async function sendStream(stream: AsyncIterable<string>, response: Response): Promise<void> {
  response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders();
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
  }
}
