/** Who calls: by the token that a request carries, over HTTP or gRPC. */
import { SluiceError } from '../errors.ts';
import { type Caller, local } from './roles.ts';
import type { Tokens } from './tokens.ts';

/** Headers of a request, or the metadata of a call; names are in lower case. */
export type Credentials = Readonly<Record<string, string | string[] | undefined>>;

/** @throws SluiceError UNAUTHENTICATED */
export type Authenticate = (headers: Credentials) => Caller;

/**
 * As soon as there is a token, each call needs one, as `Authorization: Bearer` or `x-goog-api-key`. Without any the
 * caller is `local`, unless tokens are required: a server that others can reach is never open.
 */
export function authenticator(tokens: Tokens, { required }: { required: boolean }): Authenticate {
  return headers => {
    if (!required && !tokens.exist()) return local;
    const token = tokenOf(headers);
    if (token === undefined)
      throw new SluiceError(
        'UNAUTHENTICATED',
        'This server needs a token: send Authorization: Bearer TOKEN.',
      );
    const caller = tokens.callerOf(token);
    if (!caller) throw new SluiceError('UNAUTHENTICATED', 'The token is not known here, or was revoked.');
    return caller;
  };
}

function tokenOf(headers: Credentials): string | undefined {
  const [authorization, key] = [headers.authorization, headers['x-goog-api-key']].map(value =>
    Array.isArray(value) ? value[0] : value,
  );
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? key;
}
