import type { TestContext } from 'node:test';

const cleanups = new WeakMap<object, (() => unknown)[]>();

/** Cleans up after the test; what is set up last is taken down first. */
export function atEnd(t: Pick<TestContext, 'after'>, cleanup: () => unknown): void {
  const registered = cleanups.get(t);
  if (registered) {
    registered.push(cleanup);
    return;
  }
  const all = [cleanup];
  cleanups.set(t, all);
  t.after(async () => {
    const faults: unknown[] = [];
    // One that fails leaves nothing of the others behind: a server that stays open keeps the process from ending.
    for (const each of all.reverse())
      try {
        await each();
      } catch (error) {
        faults.push(error);
      }
    if (faults.length > 0) throw faults[0];
  });
}
