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
    for (const each of all.reverse()) await each();
  });
}
