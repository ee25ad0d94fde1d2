/** A whole number. */
import type { Kind } from './kind.ts';

export const integer: Kind = {
  name: 'integer',
  help: 'A whole number.',
  expected: () => 'a whole number',
  parse(given) {
    if (!/^\s*[+-]?\d+\s*$/.test(given)) return undefined;
    const value = Number(given);
    return Number.isSafeInteger(value) ? value : undefined;
  },
  widget: 'number',
  paramType: 'NUMBER',
};
