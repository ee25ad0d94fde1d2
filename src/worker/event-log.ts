/** The events of a worker in a file, which its launcher reads while it is written, or long after. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { eventsFile, olderEventsFile } from './places.ts';
import type { WorkerEvent } from './protocol.ts';

/** What is told once; progress is not among it. */
export type NotedEvent = Exclude<WorkerEvent, { type: 'progress' }> | { type: 'started' };

/** A line of the file. */
export interface LoggedEvent {
  /** Names the event among all of the job, so that it counts once however often it is read. */
  at: string;
  event: NotedEvent;
}

export interface EventLog {
  /**
   * With `durable` it is on the disk when this returns; `name` tells it from all others of this worker, where it may
   * come again.
   */
  append(event: NotedEvent, options?: { durable?: boolean; name?: string }): void;
}

/** Beyond this the file becomes the older part, and the older part before it is gone. */
const MAX_BYTES = 2 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Goes on with the file of the workers before; `worker` names this one among all of the job, and the job. */
export function openEventLog(directory: string, worker: string, maxBytes = MAX_BYTES): EventLog {
  const path = eventsFile(directory);
  let file = openSync(path, 'a+', 0o600);
  let size = fstatSync(file).size;
  let count = 0;
  const write = (text: string) => {
    size += writeSync(file, text);
  };
  // A line that a crash tore must not spoil the next one.
  if (size > 0 && lastByte(file, size) !== NEWLINE) write('\n');
  return {
    append(event, { durable = false, name } = {}) {
      if (size > maxBytes) {
        closeSync(file);
        renameSync(path, olderEventsFile(directory));
        file = openSync(path, 'a+', 0o600);
        size = 0;
      }
      const line: LoggedEvent = { at: `${worker}/${name ?? count++}`, event };
      write(`${JSON.stringify(line)}\n`);
      if (durable) fsyncSync(file);
    },
  };
}

function lastByte(file: number, size: number): number | undefined {
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0];
}
