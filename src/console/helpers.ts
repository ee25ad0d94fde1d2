/** What views may call. Whatever is shown is escaped: payloads, names and messages come from anybody. */
import Handlebars from 'handlebars';

const { escapeExpression, SafeString } = Handlebars;

const DAY_S = 86_400;

/** 1234567 becomes 1,234,567. */
export const count = (value: unknown): string =>
  typeof value === 'number' ? Math.round(value).toLocaleString('en-US') : '–';

/** At most four digits, and the unit: `12.3 MB`. */
export function bytes(value: unknown): string {
  if (typeof value !== 'number') return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  const scaled = value / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}

/** Seconds in words of two units: `2 h 5 min`. */
export function span(seconds: unknown): string {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return '–';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const parts: [size: number, name: string][] = [
    [DAY_S, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = parts.findIndex(([size]) => seconds >= size);
  let left = Math.floor(seconds);
  const words: string[] = [];
  for (const [size, name] of parts.slice(first, first + 2)) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) words.push(`${whole} ${name}`);
  }
  return words.join(' ');
}

/** A time as an element that says it exactly: `<time datetime="…">20 Nov 10:05:12</time>`. */
export function time(value: unknown): InstanceType<typeof SafeString> {
  const at = new Date(typeof value === 'number' ? value : String(value));
  if (Number.isNaN(at.getTime())) return new SafeString('–');
  const iso = at.toISOString();
  const text = `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  return new SafeString(`<time datetime="${iso}">${text}</time>`);
}

/** Text with `code` in backticks, as descriptions have it. */
export const prose = (text: unknown): InstanceType<typeof SafeString> =>
  new SafeString(escapeExpression(String(text ?? '')).replaceAll(/&#x60;(.+?)&#x60;/g, '<code>$1</code>'));

export const json = (value: unknown): string => JSON.stringify(value, undefined, 2) ?? '';

/** How a state is painted. */
const tones: Record<string, string> = {
  RUNNING: 'accent',
  DONE: 'good',
  DRAINED: 'good',
  UPDATED: 'good',
  FAILED: 'bad',
  DRAINING: 'warn',
  CANCELLING: 'warn',
};

const urlPart = (text: unknown): string => encodeURIComponent(String(text));

/** `Files, Kafka`. */
const join = (values: unknown): string => (Array.isArray(values) ? values.join(', ') : '');

export const helpers = {
  count,
  bytes,
  span,
  time,
  prose,
  join,
  urlPart,
  tone: (state: unknown): string => tones[String(state)] ?? '',
  eq: (a: unknown, b: unknown): boolean => a === b,
  or: (...values: unknown[]): unknown => values.slice(0, -1).find(Boolean),
  plural: (value: unknown, word: unknown): string => `${count(value)} ${word}${value === 1 ? '' : 's'}`,
};
