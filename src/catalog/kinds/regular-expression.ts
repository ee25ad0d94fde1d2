/** A regular expression in RE2's syntax. */
import { RE2JS } from 're2js';
import type { Kind } from './kind.ts';

export const regularExpression: Kind = {
  name: 'regular-expression',
  help: 'A regular expression in the syntax of RE2.',
  expected: () => 'a regular expression of RE2 (without look-around and back-references)',
  parse(given) {
    try {
      RE2JS.compile(given);
      return given;
    } catch {
      return undefined;
    }
  },
  widget: 'text',
  paramType: 'TEXT',
};
