/** Parts of pages that stay current: made anew when something has happened, and sent when they have changed. */
import type { JobEvent } from '../jobs/supervisor.ts';
import type { Service } from '../service/service.ts';

/** No part is made more often, whatever happens. */
const PACE_MS = 1000;
/** Times and jobs of other processes change without an event. */
const LOOK_MS = 5000;
/** Proxies cut what is silent. */
const HEARTBEAT_MS = 15_000;

export interface LivePart {
  /** True for what may change the part. */
  concerns(event: JobEvent): boolean;
  /** The part as HTML; `isLast`: nothing will change it any more. */
  make(): Promise<{ html: string; isLast?: boolean }>;
}

/** The part whenever it has changed, as events that htmx swaps in; the event `end` after the last. */
export async function* livePart(
  { supervisor }: Pick<Service, 'supervisor'>,
  { concerns, make }: LivePart,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let isNews = false;
  let wake = () => {};
  const notice = () => {
    isNews = true;
    wake();
  };
  const unsubscribe = supervisor.subscribe(event => {
    if (concerns(event)) notice();
  });
  signal.addEventListener('abort', notice);
  try {
    let sent = '';
    let spokeAt = Date.now();
    while (!signal.aborted) {
      isNews = false;
      const { html, isLast = false } = await make();
      if (html !== sent) {
        yield eventOf(html);
        sent = html;
        spokeAt = Date.now();
      } else if (Date.now() - spokeAt >= HEARTBEAT_MS) {
        yield ': still here\n\n';
        spokeAt = Date.now();
      }
      if (isLast) {
        yield 'event: end\ndata: end\n\n';
        return;
      }
      await pause(PACE_MS, signal);
      if (!isNews)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, LOOK_MS - PACE_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', notice);
  }
}

/** Each line of a message has a name of its own before it. */
const eventOf = (html: string): string =>
  `${html
    .split(/\r\n|\r|\n/)
    .map(line => `data: ${line}\n`)
    .join('')}\n`;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
