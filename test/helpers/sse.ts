import { parseEvents, type ServerEvent } from '../../src/cli/server-events.ts';

export interface Listening {
  /** What has come so far. */
  events: ServerEvent[];
  /** Resolves with the first event, of those that came and that are to come, that is as wanted. */
  until(isWanted: (event: ServerEvent) => boolean): Promise<ServerEvent>;
  /** Resolves when the server has ended the stream. */
  ended: Promise<void>;
  leave(): void;
}

/** Listens to a stream of Server-Sent Events. */
export async function listen(url: string, lastEventId?: string): Promise<Listening> {
  const client = new AbortController();
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await fetch(url, { headers, signal: client.signal });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const { body } = response;
  const events: ServerEvent[] = [];
  const waiting = new Set<() => void>();
  const ended = (async () => {
    for await (const event of parseEvents(body)) {
      events.push(event);
      for (const check of waiting) check();
    }
  })();
  ended.catch(() => {});
  return {
    events,
    ended,
    leave: () => client.abort(),
    until: isWanted =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = events.find(isWanted);
          if (!found) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
        const missing = () => reject(new Error(`it did not come: ${JSON.stringify(events.slice(-5))}`));
        ended.then(missing, missing);
      }),
  };
}
