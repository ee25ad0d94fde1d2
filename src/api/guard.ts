/** Who may come in: the caller of each request, how often it may come, and from where without a token. */
import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Authenticate, Credentials } from '../access/authenticate.ts';
import { type Caller, local } from '../access/roles.ts';
import { asSluiceError, SluiceError } from '../errors.ts';

/** What the guard found out of a request, for those behind it. */
export interface Admission {
  caller?: Caller;
  /** Why there is no caller: thrown by whoever needs one. */
  refusal?: SluiceError;
}

/** Finds out who calls; what everybody may ask for is answered even if nobody does. */
export const admit =
  (authenticate: Authenticate): RequestHandler =>
  (request, response, next) => {
    const { key } = request.query;
    const headers: Credentials = {
      ...(typeof key === 'string' && { 'x-goog-api-key': key }),
      ...request.headers,
    };
    const admission: Admission = response.locals;
    try {
      const caller = authenticate(headers);
      if (caller === local) requireLocal(request.method, headers);
      admission.caller = caller;
    } catch (error) {
      admission.refusal = asSluiceError(error);
    }
    next();
  };

/** The caller. @throws SluiceError UNAUTHENTICATED, PERMISSION_DENIED */
export function callerOf({ caller, refusal }: Admission): Caller {
  if (caller) return caller;
  throw refusal ?? new SluiceError('UNAUTHENTICATED', 'Nobody is known to call.');
}

const WINDOW_MS = 60_000;

/** So many requests a minute for each token, and for each address that has none. */
export const limitRate = (requestsPerMinute: number): RequestHandler =>
  rateLimit({
    windowMs: WINDOW_MS,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Where a proxy says that a request is from is not believed: everybody can say so.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    keyGenerator: (request, response) => {
      const { caller }: Admission = response.locals;
      return caller && caller !== local ? `token:${caller.name}` : ipKeyGenerator(request.ip ?? '');
    },
    handler: () => {
      throw new SluiceError(
        'TOO_MANY_REQUESTS',
        `More than ${requestsPerMinute} requests a minute: wait as long as Retry-After says.`,
      );
    },
  });

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Without tokens whoever reaches the address may do everything, and that includes each page that a browser of this
 * machine shows: those are known by the name they think we have, and by what browsers say of where they come from.
 */
function requireLocal(method: string, { host, origin, 'sec-fetch-site': site }: Credentials): void {
  if (!LOOPBACK.test(String(host ?? '')))
    throw new SluiceError(
      'PERMISSION_DENIED',
      `This server answers to localhost only, not to "${host}": make a token (sluice token create) for other names.`,
    );
  if (READING.has(method)) return;
  const foreign = origin !== undefined && origin !== `http://${host}`;
  if (foreign || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw new SluiceError('PERMISSION_DENIED', 'Pages of other origins may not change anything here.');
}
