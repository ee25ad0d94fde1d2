/** Dates and times as BigQuery reads them from JSON, checked and in the one form that a table takes. */

const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const TIME = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?$/;
const ZONE = /(?: ?(Z|z|UTC)| ?([+-])(\d{1,2})(?::?(\d{2}))?)$/;
const MAX_SECONDS = 253_402_300_800;
const MIN_SECONDS = -62_135_596_800;

/** `2026-11-20`. */
export function readDate(text: string): string | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, year = '', month = '', day = ''] = match;
  const ms = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isReal = new Date(ms).getUTCMonth() === Number(month) - 1 && Number(day) > 0 && Number(year) > 0;
  return isReal ? `${year}-${two(month)}-${two(day)}` : undefined;
}

/** `10:05:00.25`; digits beyond microseconds are dropped. */
export function readTime(text: string): string | undefined {
  const match = TIME.exec(text);
  if (!match) return undefined;
  const [, hour = '', minute = '', second = '', fraction] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return `${two(hour)}:${two(minute)}:${two(second)}${fraction ? `.${fraction.slice(0, 6)}` : ''}`;
}

/** `2026-11-20 10:05:00`, with a T or a space; a date alone is its midnight. */
export function readDateTime(text: string): string | undefined {
  const [day = '', time = '00:00:00', ...more] = text.split(/[Tt ]/);
  const date = readDate(day);
  const clock = readTime(time);
  return date && clock && more.length === 0 ? `${date} ${clock}` : undefined;
}

/** What nearly all have; no day of these is beyond any month's. */
const USUAL =
  /^[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z$/;

/** RFC 3339, BigQuery's own form, a date, or seconds since the epoch; without a zone it is UTC. */
export function readTimestamp(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return ofSeconds(String(value), Number(value));
  if (typeof value !== 'string' || value.length > 60) return undefined;
  if (USUAL.test(value)) return `${value.slice(0, 10)} ${value.slice(11, -1)}+00:00`;
  if (/^-?\d{1,12}(?:\.\d+)?(?:[eE]\+?\d{1,2})?$/.test(value)) return ofSeconds(value, Number(value));
  // The zone follows a time: in a date alone, `-20` is a day.
  const zone = value.includes(':') ? ZONE.exec(value) : null;
  const [whole = '', , sign = '+', hours = '00', minutes = '00'] = zone ?? [];
  const dateTime = readDateTime(value.slice(0, value.length - whole.length));
  if (!dateTime || Number(hours) > 14 || Number(minutes) > 59) return undefined;
  return `${dateTime}${sign}${two(hours)}:${minutes}`;
}

/** Exact to the microsecond where the digits say so. */
function ofSeconds(text: string, seconds: number): string | undefined {
  if (!(seconds >= MIN_SECONDS && seconds < MAX_SECONDS)) return undefined;
  const whole = Math.floor(seconds);
  const digits = /^\d+\.(\d+)$/.exec(text)?.[1];
  const micros = digits
    ? digits.slice(0, 6).padEnd(6, '0')
    : String(Math.floor((seconds - whole) * 1e6)).padStart(6, '0');
  const [date = '', clock = ''] = new Date(whole * 1000).toISOString().split('T');
  return `${date} ${clock.slice(0, 8)}.${micros}+00:00`;
}

const two = (text: string): string => text.padStart(2, '0');
