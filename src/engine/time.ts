/** Event time: windows, watermarks and the durations templates name. */
import type { Windowing } from './component.ts';

/** The watermark of a stream that has ended. */
export const END_OF_TIME = Number.POSITIVE_INFINITY;
/** The watermark of a stream of which nothing is known yet. */
export const BEGINNING_OF_TIME = Number.NEGATIVE_INFINITY;

/** A window `[start, end)`, ms since the epoch. */
export interface Window {
  start: number;
  end: number;
}

/** Start of the fixed window that holds `time`; negative times floor. */
export function fixedWindowStart(time: number, windowing: Extract<Windowing, { type: 'fixed' }>): number {
  const { sizeMs, offsetMs } = windowing;
  return Math.floor((time - offsetMs) / sizeMs) * sizeMs + offsetMs;
}

/** The single window of elements that have no event time, or are not windowed. */
export const GLOBAL_WINDOW: Window = { start: BEGINNING_OF_TIME, end: END_OF_TIME };

/** The windows that an element of this time falls into; for sessions the one it would have alone. */
export function windowsOf(time: number, windowing: Windowing): Window[] {
  if (windowing.type === 'global' || Number.isNaN(time)) return [GLOBAL_WINDOW];
  if (windowing.type === 'sessions') return [{ start: time, end: time + windowing.gapMs }];
  if (windowing.type === 'fixed') {
    const start = fixedWindowStart(time, windowing);
    return [{ start, end: start + windowing.sizeMs }];
  }
  const { sizeMs, periodMs, offsetMs } = windowing;
  const last = Math.floor((time - offsetMs) / periodMs) * periodMs + offsetMs;
  const windows: Window[] = [];
  for (let start = last; start > time - sizeMs; start -= periodMs)
    windows.push({ start, end: start + sizeMs });
  return windows;
}

/** How long after its end a window still takes elements, ms. */
export const latenessOf = (windowing: Windowing): number =>
  windowing.type === 'global' ? 0 : (windowing.latenessMs ?? 0);

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?/;

/**
 * The milliseconds in a duration: `30s`, `5m`, `1h30m`, `250ms`; a bare number is seconds, as in Beam YAML.
 * Undefined when it is not one. `d` is refused: Beam reads it as twelve hours.
 */
export function parseDuration(text: string): number | undefined {
  let rest = text.trim();
  let total = 0;
  if (rest === '') return undefined;
  while (rest !== '') {
    const match = DURATION.exec(rest);
    if (!match) return undefined;
    const [whole, number, unit] = match;
    if (unit === undefined && whole !== text.trim()) return undefined;
    total += Number(number) * UNIT_MS[(unit ?? 's') as keyof typeof UNIT_MS];
    rest = rest.slice(whole.length);
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}
