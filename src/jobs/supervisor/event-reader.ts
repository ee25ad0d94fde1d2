/** Reads what a worker has told, from the beginning, while it goes on telling. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { systemCode } from '../../errors.ts';
import type { LoggedEvent } from '../../worker/event-log.ts';
import { eventsFile, olderEventsFile } from '../../worker/places.ts';

export interface EventReader {
  /** What has come since the last call. */
  read(): Promise<LoggedEvent[]>;
  close(): Promise<void>;
}

const CHUNK = 64 * 1024;

/** Reads the events of this job; a folder that it took over has those of the job before too. */
export function readEvents(directory: string, jobId: string): EventReader {
  const path = eventsFile(directory);
  // It stays open, so that it is read to its end also when it has become the older one.
  let file: FileHandle | undefined;
  let ino = 0;
  let position = 0;
  let torn = Buffer.alloc(0);

  /** All there is of the open file. */
  const take = async (source: FileHandle): Promise<LoggedEvent[]> => {
    const events: LoggedEvent[] = [];
    for (;;) {
      const { bytesRead, buffer } = await source.read(Buffer.alloc(CHUNK), 0, CHUNK, position);
      if (bytesRead === 0) return events;
      position += bytesRead;
      const bytes = Buffer.concat([torn, buffer.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf('\n') + 1;
      torn = bytes.subarray(end);
      events.push(...eventsIn(bytes.toString('utf8', 0, end), jobId));
    }
  };
  const turnTo = async (next: FileHandle | undefined) => {
    await file?.close();
    file = next;
    ino = next ? (await next.stat()).ino : 0;
    position = 0;
    torn = Buffer.alloc(0);
  };

  return {
    async read() {
      if (!file) await turnTo((await openIfThere(olderEventsFile(directory))) ?? (await openIfThere(path)));
      const events: LoggedEvent[] = [];
      while (file) {
        const current = await stat(path).catch(() => undefined);
        if (current?.ino === ino && current.size === position) break;
        events.push(...(await take(file)));
        if (current?.ino === ino) break;
        const next = await openIfThere(path);
        // It was renamed a moment ago, and the new one is still to come.
        if (!next) break;
        // What came between the last look and the renaming.
        events.push(...(await take(file)));
        await turnTo(next);
      }
      return events;
    },
    close: () => turnTo(undefined),
  };
}

function eventsIn(text: string, jobId: string): LoggedEvent[] {
  return text.split('\n').flatMap(line => {
    try {
      const logged: LoggedEvent = JSON.parse(line);
      return logged.at.startsWith(`${jobId}/`) ? [logged] : [];
    } catch {
      // Empty, or torn by a crash.
      return [];
    }
  });
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch(error => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}
