/** Any text. */
import type { Kind } from './kind.ts';

export const text: Kind = {
  name: 'string',
  help: 'Any text.',
  expected: () => 'a text without NUL characters',
  parse: given => (given.includes('\0') ? undefined : given),
  widget: 'text',
  paramType: 'TEXT',
  takesEmpty: true,
};
