/** Who looks at a page: whom the guard has let in, or whose session the cookie names. */
import type { Request, Response } from 'express';
import { type Caller, local } from '../access/roles.ts';
import type { Sessions } from '../access/sessions.ts';
import type { SluiceError } from '../errors.ts';

export const SESSION_COOKIE = 'sluice_session';

/** What the guard in front has found out. */
export interface ConsoleLocals {
  caller?: Caller;
  /** Why there is no caller. */
  refusal?: SluiceError;
}

/** Undefined: a token must be asked for. @throws SluiceError PERMISSION_DENIED where none would help */
export function callerOf(request: Request, response: Response, sessions: Sessions): Caller | undefined {
  const locals: ConsoleLocals = response.locals;
  const { refusal } = locals;
  if (refusal && refusal.code !== 'UNAUTHENTICATED') throw refusal;
  const id = cookieOf(request, SESSION_COOKIE);
  if (id !== undefined && locals.caller !== local) locals.caller = sessions.callerOf(id) ?? locals.caller;
  return locals.caller;
}

/** The value of a cookie; those of other programs on the same host are there too. */
export function cookieOf({ headers }: Pick<Request, 'headers'>, name: string): string | undefined {
  for (const each of (headers.cookie ?? '').split(';')) {
    const at = each.indexOf('=');
    if (at > 0 && each.slice(0, at).trim() === name) return each.slice(at + 1).trim();
  }
  return undefined;
}
