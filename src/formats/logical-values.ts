/** Dates, times and decimals between the numbers that Avro and Parquet keep and the texts that rows have. */
import { readDate, readTime, readTimestamp } from './table-times.ts';

const DAY_MS = 86_400_000;
/** Dates of JavaScript reach so far. */
const MAX_MS = 8.64e15;
/** A double holds as many digits. */
const EXACT_DIGITS = 15;

/** `2026-11-20` of days since the epoch; a number that is no date stays one. */
export function dateOfDays(days: number): string | number {
  const ms = days * DAY_MS;
  return Math.abs(ms) <= MAX_MS ? new Date(ms).toISOString().replace(/T.*$/, '') : days;
}

export function daysOfDate(text: string): number | undefined {
  const date = readDate(text) ?? readDate(text.replace(/[T ].*$/, ''));
  return date === undefined ? undefined : Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

/** How many of the unit are a second. */
export type UnitsPerSecond = 1000 | 1_000_000 | 1_000_000_000;

/** `10:05:00.25` of a time of the day. */
export function timeText(units: number, perSecond: UnitsPerSecond): string | number {
  const seconds = Math.floor(units / perSecond);
  if (!(seconds >= 0 && seconds < 86_400)) return units;
  const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
  return clock + fraction(units - seconds * perSecond, perSecond);
}

export function unitsOfTime(text: string, perSecond: UnitsPerSecond): number | undefined {
  const time = readTime(text);
  if (time === undefined) return undefined;
  const [, clock = '', digits = ''] = /^([^.]*)\.?(.*)$/.exec(time) ?? [];
  const seconds = Date.parse(`1970-01-01T${clock}Z`) / 1000;
  return seconds * perSecond + unitsOfDigits(digits, perSecond);
}

/** RFC 3339 of a moment; without `utc` it has no zone. A number that is no moment stays one. */
export function momentText(
  units: number | bigint,
  perSecond: UnitsPerSecond,
  utc: boolean,
): string | number | bigint {
  const [seconds, rest] = split(units, perSecond);
  if (!(Math.abs(seconds) * 1000 <= MAX_MS)) return units;
  const whole = new Date(seconds * 1000).toISOString().slice(0, -5);
  return `${whole}${fraction(rest, perSecond)}${utc ? 'Z' : ''}`;
}

/** Units since the epoch of RFC 3339, of BigQuery's forms, or of a date. */
export function unitsOfMoment(text: string, perSecond: UnitsPerSecond): bigint | undefined {
  const moment = readTimestamp(text);
  const [, whole = '', digits = '', zone = ''] =
    /^([^.+]*?)(?:\.(\d+))?([+-]\d\d:\d\d)$/.exec(moment ?? '') ?? [];
  const ms = Date.parse(`${whole.replace(' ', 'T')}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  // BigQuery's times end at the microsecond; those of Avro need not.
  const exact = /\.(\d{7,9})(?!\d)/.exec(text)?.[1] ?? digits;
  return BigInt(ms / 1000) * BigInt(perSecond) + BigInt(unitsOfDigits(exact, perSecond));
}

function split(units: number | bigint, perSecond: number): [number, number] {
  if (typeof units === 'number') {
    const seconds = Math.floor(units / perSecond);
    return [seconds, units - seconds * perSecond];
  }
  const per = BigInt(perSecond);
  const rest = ((units % per) + per) % per;
  return [Number((units - rest) / per), Number(rest)];
}

const digitsOf = (perSecond: UnitsPerSecond): number => String(perSecond).length - 1;

const fraction = (rest: number, perSecond: UnitsPerSecond): string =>
  rest === 0 ? '' : `.${String(rest).padStart(digitsOf(perSecond), '0')}`;

const unitsOfDigits = (digits: string, perSecond: UnitsPerSecond): number => {
  const length = digitsOf(perSecond);
  return Number(digits.slice(0, length).padEnd(length, '0'));
};

/** A decimal as rows have it: a number where a double holds all its digits, else text. */
export function decimalValue(unscaled: bigint, precision: number, scale: number): number | string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  const whole = digits.slice(0, digits.length - scale);
  const rest = digits.slice(digits.length - scale);
  const text = `${sign}${whole}${rest === '' ? '' : `.${rest}`}`;
  return precision <= EXACT_DIGITS ? Number(text) : text;
}

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;

/** The unscaled integer of a decimal; undefined where it is none, or has more digits than the type. */
export function unscaledOf(
  value: string | number | bigint,
  precision: number,
  scale: number,
): bigint | undefined {
  const text = String(value).trim();
  const match = text.length <= 2000 ? DECIMAL.exec(text) : null;
  const [, sign = '', whole = '', rest = '', exponent = '0'] = match ?? [];
  if (!match || (whole === '' && rest === '') || Math.abs(Number(exponent)) > 2000) return undefined;
  const shift = scale - rest.length + Number(exponent);
  const digits = `${whole}${rest}`;
  const kept = shift >= 0 ? digits + '0'.repeat(shift) : digits.slice(0, shift);
  // Digits that would be lost are none that count.
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) return undefined;
  const unscaled = BigInt(kept === '' ? '0' : kept);
  if (unscaled >= 10n ** BigInt(precision)) return undefined;
  return sign === '-' ? -unscaled : unscaled;
}

/** A signed integer, the highest byte first. */
export function integerOfBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const value = BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);
  return BigInt.asIntN(bytes.length * 8, value);
}

/** @param size how many bytes there must be; absent: as few as it takes */
export function bytesOfInteger(value: bigint, size?: number): Buffer | undefined {
  let length = size ?? 1;
  if (size === undefined) while (BigInt.asIntN(length * 8, value) !== value) length++;
  else if (BigInt.asIntN(size * 8, value) !== value) return undefined;
  const hex = BigInt.asUintN(length * 8, value).toString(16);
  return Buffer.from(hex.padStart(length * 2, '0'), 'hex');
}

/** `8-4-4-4-12` hexadecimal digits of 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
