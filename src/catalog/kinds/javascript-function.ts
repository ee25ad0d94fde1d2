/** The name of a function in a script. */
import type { Kind } from './kind.ts';

export const javascriptFunction: Kind = {
  name: 'javascript-function',
  help: 'The name of a function of the script.',
  expected: () => 'the name of a function: letters, digits, _ and $, no digit first',
  parse: given => (/^[\p{L}_$][\p{L}\p{N}_$]{0,199}$/u.test(given) ? given : undefined),
  widget: 'text',
  paramType: 'TEXT',
};
