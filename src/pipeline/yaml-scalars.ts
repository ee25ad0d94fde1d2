/** What an unquoted scalar means in YAML 1.1, by the patterns of the reader Beam uses (`y` and `1e3` are text). */

/** The value of a plain scalar; undefined when it looks like a date and is none. */
export function resolveScalar(text: string): null | boolean | number | bigint | string | undefined {
  for (const [pattern, read] of rules) if (pattern.test(text)) return read(text);
  return text;
}

type Rule = [pattern: RegExp, read: (text: string) => null | boolean | number | bigint | string | undefined];

const rules: Rule[] = [
  [/^(?:~|null|Null|NULL|)$/, () => null],
  [/^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true],
  [/^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false],
  [/^[-+]?0b[01_]+$/, text => integer(text, 2, 2)],
  [/^[-+]?0x[0-9a-fA-F_]+$/, text => integer(text, 2, 16)],
  [/^[-+]?0[0-7_]+$/, text => integer(text, 1, 8)],
  [/^[-+]?(?:0|[1-9][0-9_]*)$/, text => integer(text, 0, 10)],
  [/^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, sexagesimal],
  [/^[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?$/, float],
  [/^[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?$/, float],
  [/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, sexagesimal],
  [/^[-+]?\.(?:inf|Inf|INF)$/, text => (text.startsWith('-') ? -Infinity : Infinity)],
  [/^\.(?:nan|NaN|NAN)$/, () => Number.NaN],
  [/^\d{4}-\d\d-\d\d$/, text => (isDate(text) ? text : undefined)],
  [
    /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(\.\d*)?[ \t]*(Z|[-+]\d\d?(?::\d\d)?)?$/,
    timestamp,
  ],
];

const PREFIX: Record<number, string> = { 2: '0b', 8: '0o', 10: '', 16: '0x' };

function integer(text: string, prefixLength: number, radix: number): number | bigint | string {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '').slice(prefixLength).replaceAll('_', '');
  if (digits === '') return text;
  const value = BigInt(PREFIX[radix] + digits) * (negative ? -1n : 1n);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

function float(text: string): number {
  return Number(text.replaceAll('_', ''));
}

/** `1:30` is 90 and `1:30.5` is 90.5. */
function sexagesimal(text: string): number {
  const parts = text.replace(/^[-+]/, '').replaceAll('_', '').split(':');
  const value = parts.reduce((total, part) => total * 60 + Number(part), 0);
  return text.startsWith('-') ? -value : value;
}

/** RFC 3339 in UTC: a time without a zone counts as UTC. */
function timestamp(text: string): string | undefined {
  const [date = '', time = ''] = text.split(/[Tt]|[ \t]+/);
  const day = date.split('-').map(two).join('-');
  const zone = /(?:Z|[-+]\d\d?(?::\d\d)?)$/.exec(text.slice(date.length))?.[0] ?? 'Z';
  const [hour = '', minute = '', second = ''] = time.replace(/(?:Z|[-+].*)$/, '').split(':');
  const [whole = '', fraction = ''] = second.split('.');
  const digits = fraction.slice(0, 3).padEnd(3, '0');
  const ms = Date.parse(`${day}T${two(hour)}:${minute}:${whole}.${digits}${offset(zone)}`);
  return Number.isNaN(ms) || !isDate(day) ? undefined : new Date(ms).toISOString();
}

function offset(zone: string): string {
  if (zone === 'Z') return zone;
  const [hours = '', minutes = '00'] = zone.slice(1).split(':');
  return `${zone[0]}${two(hours)}:${minutes}`;
}

const two = (text: string): string => text.padStart(2, '0');

/** Date.parse takes February 30 for March 1. */
function isDate(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
