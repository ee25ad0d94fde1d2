/** Regular expressions of somebody else's, which may never come to an end by themselves. */
import { createContext, runInContext } from 'node:vm';

export interface Pattern {
  /** Why the whole of the text does not match; undefined: it does. */
  faultOf(text: string): string | undefined;
}

/** Ample for any text that a parameter holds. */
const TIMEOUT_MS = 100;

const sandbox: { regex?: RegExp; text?: string } = createContext(Object.create(null));

/** Undefined where it is none. Java's `(?i)` at its head is understood. */
export function compilePattern(source: string): Pattern | undefined {
  const [, flags = '', body = ''] = /^(?:\(\?([ims]+)\))?([\s\S]*)$/.exec(source) ?? [];
  let regex: RegExp;
  try {
    regex = new RegExp(`^(?:${body})$`, [...new Set(flags)].join(''));
  } catch {
    return undefined;
  }
  return {
    faultOf(text) {
      try {
        if (matches(regex, text)) return undefined;
      } catch {
        return `cannot be checked against the pattern ${source}: it takes too long`;
      }
      return `must match the pattern ${source}`;
    },
  };
}

/** In a context of its own only because that can be given a time. */
function matches(regex: RegExp, text: string): boolean {
  sandbox.regex = regex;
  sandbox.text = text;
  return runInContext('regex.test(text)', sandbox, { timeout: TIMEOUT_MS }) === true;
}
