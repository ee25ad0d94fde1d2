/** Which windows the elements of a batch fall into. */
import type { Batch } from '../../engine/batch.ts';
import type { Windowing } from '../../engine/component.ts';
import { GLOBAL_WINDOW, type Window, windowsOf } from '../../engine/time.ts';

const GLOBAL = [GLOBAL_WINDOW];

/** The windows of element `index`: those an earlier grouping gave it, or those of its event time. */
export function windowsAt({ times, windows }: Batch, index: number, windowing: Windowing): Window[] {
  if (windows) {
    const start = windows[2 * index];
    const end = windows[2 * index + 1];
    if (start !== undefined && end !== undefined && !Number.isNaN(end)) return [{ start, end }];
  }
  const time = times?.[index];
  return time === undefined || windowing.type === 'global' ? GLOBAL : windowsOf(time, windowing);
}
