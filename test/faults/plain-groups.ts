/** What groups of events must come to, worked out in the plainest way, with everything in memory. */
import type { Windowing } from '../../src/engine/component.ts';
import { BATCH_EVENTS, type Event, watermarkAfter } from './disorder.ts';

export interface Group {
  key: string;
  start: number;
  end: number;
  count: number;
  sum: number;
  ids: number[];
}

interface Session {
  start: number;
  end: number;
  events: Event[];
}

/** `late`: ids of the events that came too late for every window; `amends`: late ones may change a result. */
export function groupPlainly(
  events: readonly Event[],
  windowing: Windowing,
): { groups: Group[]; late: number[]; amends: boolean } {
  const lateness = windowing.type === 'global' ? 0 : (windowing.latenessMs ?? 0);
  const late: number[] = [];
  const sessions = new Map<string, Session[]>();
  for (const [i, event] of events.entries()) {
    // The time moves on behind each batch.
    const watermark = watermarkAfter(Math.floor(i / BATCH_EVENTS) * BATCH_EVENTS);
    const isOpen = ({ end }: { end: number }) => i < BATCH_EVENTS || end + lateness > watermark;
    const windows = windowsOf(event.time, windowing).filter(isOpen);
    if (windows.length === 0) late.push(event.id);
    for (const window of windows) {
      const own = sessions.get(event.key) ?? [];
      sessions.set(event.key, own);
      const joins = own.filter(each =>
        windowing.type === 'sessions'
          ? isOpen(each) && each.start < window.end && window.start < each.end
          : each.start === window.start,
      );
      const merged = {
        start: Math.min(window.start, ...joins.map(({ start }) => start)),
        end: Math.max(window.end, ...joins.map(({ end }) => end)),
        events: [...joins.flatMap(each => each.events), event],
      };
      sessions.set(event.key, [...own.filter(each => !joins.includes(each)), merged]);
    }
  }
  const groups = [...sessions].flatMap(([key, all]) => all.map(each => groupOf(key, each)));
  return { groups, late, amends: lateness > 0 };
}

function windowsOf(time: number, windowing: Windowing): { start: number; end: number }[] {
  if (windowing.type === 'sessions') return [{ start: time, end: time + windowing.gapMs }];
  if (windowing.type === 'global') return [{ start: 0, end: Number.POSITIVE_INFINITY }];
  const { sizeMs, offsetMs } = windowing;
  const period = windowing.type === 'sliding' ? windowing.periodMs : sizeMs;
  const windows: { start: number; end: number }[] = [];
  const first = Math.floor((time - sizeMs - offsetMs) / period) - 1;
  for (let n = first; n * period + offsetMs <= time; n++) {
    const start = n * period + offsetMs;
    if (time < start + sizeMs) windows.push({ start, end: start + sizeMs });
  }
  return windows;
}

function groupOf(key: string, { start, end, events }: Session): Group {
  const ids = events.map(({ id }) => id);
  return { key, start, end, count: ids.length, sum: exactSum(events.map(({ value }) => value)), ids };
}

/** Without rounding on the way: all doubles here are multiples of 2^-80. */
function exactSum(values: readonly number[]): number {
  const scaled = values.reduce((sum, value) => sum + BigInt(value * 2 ** 80), 0n);
  return Number(scaled) / 2 ** 80;
}
