/** Rows that groupings give, gathered into batches of a bounded size. */
import type { Outcome, Windowing } from '../../engine/component.ts';
import { END_OF_TIME, type Window } from '../../engine/time.ts';
import { type Row, rowBatch } from '../../formats/rows.ts';
import { sizeOf } from './cells.ts';

const BATCH_BYTES = 256 * 1024;
const BATCH_ROWS = 2000;

export class Emission {
  readonly #windowed: boolean;
  #rows: Row[] = [];
  #windows: Window[] = [];
  #bytes = 0;

  constructor({ type }: Windowing) {
    // Of a global or fixed window the event time tells which it is.
    this.#windowed = type === 'sliding' || type === 'sessions';
  }

  /** Adds a row of a window; gives what has been gathered once that is enough for a batch. */
  add(row: Row, window: Window): Outcome | undefined {
    const [last] = this.#windows;
    const full = last && hasTime(last) !== hasTime(window) ? this.rest() : undefined;
    this.#rows.push(row);
    this.#windows.push(window);
    this.#bytes += sizeOf(row);
    if (full) return full;
    return this.#bytes >= BATCH_BYTES || this.#rows.length >= BATCH_ROWS ? this.rest() : undefined;
  }

  /** What is left. */
  rest(): Outcome | undefined {
    const rows = this.#rows;
    const windows = this.#windows;
    if (rows.length === 0) return undefined;
    this.#rows = [];
    this.#windows = [];
    this.#bytes = 0;
    const isTimed = windows[0] && hasTime(windows[0]);
    const batch = rowBatch(rows, {
      // The last moment of the window, so that the row lies in it.
      ...(isTimed && { times: Float64Array.from(windows, ({ end }) => end - 1) }),
      ...(isTimed &&
        this.#windowed && { windows: Float64Array.from(windows.flatMap(({ start, end }) => [start, end])) }),
    });
    return { good: [batch], created: rows.length };
  }
}

const hasTime = ({ end }: Window): boolean => end !== END_OF_TIME;
