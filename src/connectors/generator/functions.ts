/** The functions a schema may call: `{{uuid()}}`, `{{integer(1, 10)}}` … Each makes one piece of a record. */
import type { Random } from './random.ts';
import { countries, firstNames, lastNames } from './words.ts';

/** What a record is made from. */
export interface Draw {
  random: Random;
  /** The record's time, ms since the epoch. */
  now: number;
  /** How many records came before it. */
  index: number;
}

export type Piece = (draw: Draw) => string;
export type Argument = string | number;

interface SchemaFunction {
  /** How it is called, for messages. */
  usage: string;
  /** Makes it for these arguments; undefined when they do not fit. */
  make(given: readonly Argument[]): Piece | undefined;
}

const fixed = (usage: string, piece: Piece): SchemaFunction => ({
  usage,
  make: given => (given.length === 0 ? piece : undefined),
});

const MAX_LETTERS = 100_000;

/** By name. */
export const schemaFunctions: ReadonlyMap<string, SchemaFunction> = new Map(
  Object.entries({
    alpha: letters('alpha', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'),
    alphaNumeric: letters('alphaNumeric', 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'),
    bool: fixed('bool()', ({ random }) => (random.next() & 1 ? 'true' : 'false')),
    country: fixed('country()', ({ random }) => pick(countries, random)),
    date: fixed('date()', ({ now }) => new Date(now).toISOString()),
    double: range('double', 0, 1, (low, high, random) => String(low + random.fraction() * (high - low))),
    email: fixed('email()', draw => `${username(draw)}@example.com`),
    firstName: fixed('firstName()', ({ random }) => pick(firstNames, random)),
    hex: letters('hex', '0123456789abcdef'),
    index: fixed('index()', ({ index }) => String(index)),
    integer: range('integer', 0, 2 ** 31 - 1, wholeNumber),
    ipv4: fixed('ipv4()', ({ random }) => {
      const bits = random.next();
      return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
    }),
    ipv6: fixed('ipv6()', ({ random }) => {
      const [a, b, c, d] = [hex32(random), hex32(random), hex32(random), hex32(random)];
      return `${halves(a)}:${halves(b)}:${halves(c)}:${halves(d)}`;
    }),
    lastName: fixed('lastName()', ({ random }) => pick(lastNames, random)),
    long: range('long', 0, Number.MAX_SAFE_INTEGER, wholeNumber),
    random: {
      usage: 'random("a", "b", …)',
      make(given) {
        const choices = given.map(String);
        return choices.length > 0 ? ({ random }) => pick(choices, random) : undefined;
      },
    },
    timestamp: fixed('timestamp()', ({ now }) => String(now)),
    username: fixed('username()', username),
    uuid: fixed('uuid()', ({ random }) => {
      const [a, b, c, d] = [hex32(random), hex32(random), hex32(random), hex32(random)];
      // Version 4 of RFC 9562: one digit says so, another holds the variant.
      const variant = '89ab'[random.next() & 3];
      return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`;
    }),
  }),
);

const pick = (choices: readonly string[], random: Random): string =>
  choices[Math.floor(random.fraction() * choices.length)] ?? '';

function username({ random }: Draw): string {
  const first = pick(firstNames, random).toLowerCase();
  return `${first}.${pick(lastNames, random).toLowerCase()}${random.next() % 100}`;
}

const HEX16 = Array.from({ length: 65536 }, (_, value) => value.toString(16).padStart(4, '0'));

function hex32(random: Random): string {
  const bits = random.next();
  return `${HEX16[bits >>> 16]}${HEX16[bits & 65535]}`;
}

const halves = (hex: string): string => `${hex.slice(0, 4)}:${hex.slice(4)}`;

function wholeNumber(low: number, high: number, random: Random): string {
  const size = high - low + 1;
  // Beyond 32 bits one number is not enough to reach them all.
  const fraction =
    size > 2 ** 32 ? (random.next() * 2 ** 21 + (random.next() >>> 11)) / 2 ** 53 : random.fraction();
  return String(low + Math.floor(fraction * size));
}

function range(
  name: string,
  least: number,
  most: number,
  draw: (low: number, high: number, random: Random) => string,
): SchemaFunction {
  const isWhole = name !== 'double';
  return {
    usage: `${name}(), ${name}(<most>) or ${name}(<least>, <most>)`,
    make(given) {
      if (given.length > 2 || !given.every(each => typeof each === 'number')) return undefined;
      if (isWhole && !given.every(Number.isSafeInteger)) return undefined;
      const [low, high] = given.length === 2 ? given : [least, given[0] ?? most];
      if (low === undefined || high === undefined || low > high) return undefined;
      return ({ random }) => draw(low, high, random);
    },
  };
}

function letters(name: string, alphabet: string): SchemaFunction {
  return {
    usage: `${name}() or ${name}(<length up to ${MAX_LETTERS}>)`,
    make([length = 10, ...more]) {
      if (typeof length !== 'number' || more.length > 0) return undefined;
      if (!Number.isInteger(length) || length < 1 || length > MAX_LETTERS) return undefined;
      return ({ random }) => {
        let text = '';
        for (let i = 0; i < length; i++) text += alphabet[Math.floor(random.fraction() * alphabet.length)];
        return text;
      };
    },
  };
}
