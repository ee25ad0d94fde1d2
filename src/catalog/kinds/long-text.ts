/** Text of several lines, such as a script or a pipeline. */
import type { Kind } from './kind.ts';
import { text } from './text.ts';

export const longText: Kind = {
  ...text,
  name: 'long-text',
  help: 'Text of any number of lines.',
  widget: 'textarea',
  takesEmpty: false,
};
