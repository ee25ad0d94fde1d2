/** `server.json` in the folder of the embedded Pub/Sub: which process serves it, and where. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Announcement {
  pid: number;
  port: number;
  /** What the service answers to the health call. */
  identity: string;
}

export function announce(directory: string, announcement: Announcement): void {
  const path = join(directory, 'server.json');
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(announcement)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

/** The last announcement, whether or not its process still runs; undefined when there is none. */
export function readAnnouncement(directory: string): Announcement | undefined {
  try {
    const { pid, port, identity } = JSON.parse(readFileSync(join(directory, 'server.json'), 'utf8'));
    if (Number.isInteger(pid) && Number.isInteger(port) && typeof identity === 'string')
      return { pid, port, identity };
  } catch {
    // Absent or not ours to read: the next service writes it anew.
  }
  return undefined;
}
