/** Which windows the elements of a batch fall into, and which of them come too late for all of theirs. */
import { type Batch, selectElements } from '../../engine/batch.ts';
import type { Outcome, Windowing } from '../../engine/component.ts';
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

/** What becomes of elements that came too late: they go to the output named, or are filtered; either way counted. */
export function lateOutcome(
  batch: Batch,
  late: readonly number[],
  output: string | undefined,
): Pick<Outcome, 'late' | 'filtered' | 'named'> {
  if (late.length === 0) return {};
  if (output === undefined) return { late: late.length, filtered: late.length };
  return { late: late.length, named: { [output]: [selectElements(batch, late)] } };
}
