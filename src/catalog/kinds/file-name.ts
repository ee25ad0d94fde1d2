/** A part of a file's name: its beginning or its end. */
import type { Kind } from './kind.ts';
import { leadsUp } from './path.ts';

export const fileName: Kind = {
  name: 'file-name',
  help: 'The beginning or the end of a file name; it may name folders, but not lead out of them.',
  expected: () => 'a part of a file name, without control characters and without . or .. as a folder',
  parse: given => (hasControl(given) || leadsUp(given) || given.startsWith('/') ? undefined : given),
  widget: 'text',
  paramType: 'TEXT',
  takesEmpty: true,
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const hasControl = (given: string): boolean => /[\x00-\x1f\x7f]/.test(given);
