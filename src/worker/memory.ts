/** How much memory a worker takes, with its children. */
import { readFileSync } from 'node:fs';

const PAGE_BYTES = 4096;

/** Resident bytes of this process and of those that it has started; of these only Linux tells. */
export function memoryBytes(): number {
  return childrenOf(process.pid).reduce((sum, pid) => sum + residentBytes(pid), process.memoryUsage.rss());
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    // It has just ended.
    return 0;
  }
}
