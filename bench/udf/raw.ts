/** The ceiling: the same function called directly in V8, with Node's default flags; strings in, strings out. */
import { makeElements, SOURCE } from './elements.ts';

const call = new Function(`${SOURCE}; return process`)() as (payload: string) => string;
const sets = new Map<number, string[]>();

process.on('message', ({ bytes, count, ms }: { bytes: number; count: number; ms: number }) => {
  const elements = sets.get(bytes) ?? makeElements(bytes, count);
  sets.set(bytes, elements);
  process.send?.(rate(elements, ms));
});
process.on('disconnect', () => process.exit());

/** Elements per second over `ms` milliseconds. */
function rate(elements: string[], ms: number): number {
  const begun = performance.now();
  let done = 0;
  let characters = 0;
  for (;;) {
    for (const element of elements) characters += call(element).length;
    done += elements.length;
    const elapsed = performance.now() - begun;
    if (elapsed >= ms && characters > 0) return (done * 1000) / elapsed;
  }
}
