/** Watches the child processes that are at work: one timer looks at the clock and at the memory of each. */
import { readFileSync } from 'node:fs';

const INTERVAL_MS = 50;
const PAGE_BYTES = 4096;
const MIB = 1024 * 1024;

export interface Watched {
  pid: number;
  /** The most memory it may have resident. */
  memoryMb: number;
  /** When it must have answered, on the clock of `performance.now()`. */
  deadline: number;
  /** Called at most once per interval for each fault. */
  onSilent(): void;
  onLarge(): void;
}

const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;

/** Watches until `unwatch`. */
export function watch(child: Watched): void {
  watched.add(child);
  timer ??= setInterval(look, INTERVAL_MS).unref();
}

export function unwatch(child: Watched): void {
  watched.delete(child);
  if (watched.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function look(): void {
  const now = performance.now();
  for (const child of watched) {
    if (residentMb(child.pid) > child.memoryMb) child.onLarge();
    else if (now > child.deadline) child.onSilent();
  }
}

/** Resident memory of a process; 0 where the system does not tell (only Linux does). */
function residentMb(pid: number): number {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1];
    return (Number(pages) * PAGE_BYTES) / MIB;
  } catch {
    return 0;
  }
}
