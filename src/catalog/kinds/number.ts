/** A decimal number. */
import type { Kind } from './kind.ts';

export const number: Kind = {
  name: 'number',
  help: 'A number.',
  expected: () => 'a number',
  parse(given) {
    if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/.test(given)) return undefined;
    const value = Number(given);
    return Number.isFinite(value) ? value : undefined;
  },
  widget: 'number',
  paramType: 'NUMBER',
};
