import { globSync, readFileSync } from 'node:fs';

/** The processes below one, by what /proc says. */
export function descendantsOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const path of globSync('/proc/[0-9]*/stat')) {
    const [, pid, parent] = /^(\d+) \(.*\) \S (\d+)/.exec(textOf(path)) ?? [];
    if (pid && parent) parents.set(Number(pid), Number(parent));
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}

/** A zombie, which nobody has waited for, runs no more. */
export const isRunning = (pid: number): boolean => /^\d+ \(.*\) [^Z]/.test(textOf(`/proc/${pid}/stat`));

/** The children that run UDFs, below this process. */
export const udfChildrenBelow = (root: number): number[] =>
  descendantsOf(root).filter(pid => textOf(`/proc/${pid}/cmdline`).includes('udf/child/main'));

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
