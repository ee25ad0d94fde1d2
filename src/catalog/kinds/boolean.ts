/** True or false. */
import type { Kind } from './kind.ts';

export const boolean: Kind = {
  name: 'boolean',
  help: '`true` or `false`.',
  expected: () => 'true or false',
  parse: given => ({ true: true, false: false })[given.trim().toLowerCase()],
  widget: 'checkbox',
  paramType: 'BOOLEAN',
};
