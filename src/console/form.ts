/** The fields of a form as a browser sends it. */
import express, { type Request, type RequestHandler } from 'express';

const MAX_BYTES = 5 << 20;
const MAX_FIELDS = 2000;

/** Reads the body of a form; lists are given by repeating a field, never by brackets in its name. */
export const readForm: RequestHandler = express.urlencoded({
  extended: false,
  limit: MAX_BYTES,
  parameterLimit: MAX_FIELDS,
});

/** Fields by name, and all the values of each. */
export function fieldsOf(given: unknown): {
  last: Record<string, string>;
  lists: Record<string, readonly string[]>;
} {
  const entries = Object.entries((given ?? {}) as Record<string, unknown>).map(
    ([name, value]) => [name, [value].flat().map(String)] as const,
  );
  return {
    last: Object.fromEntries(entries.map(([name, values]) => [name, values.at(-1) ?? ''])),
    lists: Object.fromEntries(entries),
  };
}

/** True for a request of a page of ours: a browser says where a form comes from, and no other page can forge that. */
export function isFromUs({ headers, method }: Pick<Request, 'headers' | 'method'>): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site === 'same-origin';
  try {
    return origin !== undefined && new URL(origin).host === host;
  } catch {
    return false;
  }
}
