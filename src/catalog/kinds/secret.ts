/** A text that is never shown. */
import { isSecretReference, MAX_SECRET_BYTES, meansReference } from '../../engine/secrets.ts';
import type { Kind } from './kind.ts';
import { text } from './text.ts';

export const secret: Kind = {
  ...text,
  name: 'secret',
  help: 'A secret text, or where it is: `secret://env/<NAME>` or `secret://file/<path>`; it is never shown.',
  expected: () =>
    `a text of at most ${MAX_SECRET_BYTES} bytes without NUL characters, secret://env/<NAME> or secret://file/<path>`,
  parse(given, schema) {
    if (meansReference(given)) return isSecretReference(given) ? given : undefined;
    return Buffer.byteLength(given) > MAX_SECRET_BYTES ? undefined : text.parse(given, schema);
  },
  widget: 'password',
  takesEmpty: false,
  secret: true,
};
