/**
 * Frees the buffers of batches that are done with. They die young, but hardly anything else is allocated, so V8 would
 * not look at its young generation; it would wait for their sheer size to press, and then mark the whole heap: a third
 * of a copying job's time. A small collection for each few batches costs nearly nothing.
 */
const EVERY_BYTES = 8 << 20;

const collect: ((options: { type: 'minor' | 'major' }) => void) | undefined = globalThis.gc;
let allocated = 0;

/** Counts the bytes of a new batch. Without `--expose-gc` nothing happens. */
export function noteAllocated(bytes: number): void {
  allocated += bytes;
  if (allocated < EVERY_BYTES) return;
  allocated = 0;
  collect?.({ type: 'minor' });
}

/** Frees what a stage has held for long and just let go of, before the heap grows for what takes its place. */
export function collectReleased(): void {
  collect?.({ type: 'major' });
}
