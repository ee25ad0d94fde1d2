/** A text that is never shown. */
import type { Kind } from './kind.ts';
import { text } from './text.ts';

export const secret: Kind = {
  ...text,
  name: 'secret',
  help: 'A secret text; it is never shown.',
  widget: 'password',
  takesEmpty: false,
  secret: true,
};
