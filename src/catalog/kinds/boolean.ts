/** True or false. */
import type { Kind } from './kind.ts';

export const boolean: Kind = {
  name: 'boolean',
  help: '`true` or `false`.',
  expected: () => 'true or false',
  parse(given) {
    const word = given.trim().toLowerCase();
    return word === 'true' || word === 'false' ? word === 'true' : undefined;
  },
  widget: 'checkbox',
  paramType: 'BOOLEAN',
};
