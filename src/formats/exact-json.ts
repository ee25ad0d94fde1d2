/** JSON whose integers stay exact: those beyond 2^53 are bigints here and digits in the text. */

declare global {
  interface JSON {
    /** Text that `stringify` puts in as it is. In V8 since 11.4, not yet in TypeScript's library. */
    rawJSON(text: string): unknown;
  }
}

export function stringifyExact(value: unknown): string {
  try {
    // Many times faster than with a function that looks at each value.
    return JSON.stringify(value);
  } catch {
    return JSON.stringify(value, (_key, each) =>
      typeof each === 'bigint' ? JSON.rawJSON(String(each)) : each,
    );
  }
}

export function parseExact(text: string): unknown {
  const revive: Reviver = (_key, value, { source = '' }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;
