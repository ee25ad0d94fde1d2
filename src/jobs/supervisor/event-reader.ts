/** Reads what a worker has told, from the beginning, while it goes on telling. It may be anybody's, and tell anything. */
import { type FileHandle, lstat } from 'node:fs/promises';
import { openPlain } from '../../engine/plain-file.ts';
import { SluiceError } from '../../errors.ts';
import { checkLogged } from '../../worker/check-told.ts';
import type { LoggedEvent } from '../../worker/event-log.ts';
import { eventsFile, olderEventsFile } from '../../worker/places.ts';

export interface EventReader {
  /** What has come since the last call, or the first part of it. @throws SluiceError WORKER_FAULTY */
  read(): Promise<LoggedEvent[]>;
  /** True when the last call left something for the next. */
  isBehind(): boolean;
  close(): Promise<void>;
}

const CHUNK = 64 * 1024;
/** So much is read in one call: others must come to their turn. */
const CALL_BYTES = 4 * CHUNK;
/** A worker begins a new file long before, unless its last line is long. */
export const MAX_EVENTS_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Reads the events of this job; a folder that it took over has those of the job before too. */
export function readEvents(directory: string, jobId: string): EventReader {
  const path = eventsFile(directory);
  // It stays open, so that it is read to its end also when it has become the older one.
  let file: FileHandle | undefined;
  let ino = 0;
  let position = 0;
  let torn: Buffer[] = [];
  let left = 0;

  /** All there is of the open file, as far as one call goes. */
  const take = async (source: FileHandle): Promise<LoggedEvent[]> => {
    const events: LoggedEvent[] = [];
    while (left > 0) {
      const { bytesRead, buffer } = await source.read(Buffer.alloc(CHUNK), 0, CHUNK, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      left -= bytesRead;
      if (position > MAX_EVENTS_BYTES) throw tooMuch();
      const bytes = buffer.subarray(0, bytesRead);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end > 0) {
        events.push(...eventsIn(Buffer.concat([...torn, bytes.subarray(0, end)]).toString(), jobId));
        torn = [];
      }
      if (end < bytesRead) torn.push(bytes.subarray(end));
    }
    return events;
  };
  const turnTo = async (next: FileHandle | undefined) => {
    await file?.close();
    file = next;
    ino = next ? (await next.stat()).ino : 0;
    position = 0;
    torn = [];
  };

  return {
    async read() {
      left = CALL_BYTES;
      if (!file) await turnTo((await openEvents(olderEventsFile(directory))) ?? (await openEvents(path)));
      const events: LoggedEvent[] = [];
      while (file && left > 0) {
        const current = await lstat(path).catch(() => undefined);
        if (current?.ino === ino && current.size === position) break;
        events.push(...(await take(file)));
        if (current?.ino === ino) break;
        const next = await openEvents(path);
        // It was renamed a moment ago, and the new one is still to come.
        if (!next) break;
        // What came between the last look and the renaming.
        try {
          events.push(...(await take(file)));
        } catch (error) {
          await next.close();
          throw error;
        }
        if (left > 0) await turnTo(next);
        else await next.close();
      }
      return events;
    },
    isBehind: () => left <= 0,
    close: () => turnTo(undefined),
  };
}

function eventsIn(text: string, jobId: string): LoggedEvent[] {
  const beginning = `{"at":"${jobId}/`;
  return text.split('\n').flatMap(line => {
    if (!line.startsWith(beginning)) return [];
    let logged: unknown;
    try {
      logged = JSON.parse(line);
    } catch {
      // Torn by a crash.
      return [];
    }
    const checked = checkLogged(logged);
    // A name that comes twice counts as the later one.
    return checked?.at.startsWith(`${jobId}/`) ? [checked] : [];
  });
}

const openEvents = (path: string): Promise<FileHandle | undefined> => openPlain(path, MAX_EVENTS_BYTES);

const tooMuch = (): SluiceError =>
  new SluiceError('WORKER_FAULTY', `the events of a worker have more than ${MAX_EVENTS_BYTES} bytes`);
