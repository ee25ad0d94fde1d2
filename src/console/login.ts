/** Logging in with a token, and out again. */
import { type Request, type Response, Router } from 'express';
import { SESSION_MS, type Sessions } from '../access/sessions.ts';
import type { Tokens } from '../access/tokens.ts';
import { SluiceError } from '../errors.ts';
import { assetsPath } from './assets.ts';
import { fieldsOf, isFromUs, readForm } from './form.ts';
import { cookieOf, SESSION_COOKIE } from './session.ts';

export function login({ sessions, tokens }: { sessions: Sessions; tokens: Tokens }): Router {
  const router = Router();
  const show = (response: Response, next: string, fault?: string) =>
    response
      .set('cache-control', 'no-store')
      .status(fault === undefined ? 200 : 401)
      .render('login', { title: 'Log in – Sluice', layout: 'bare', assets: assetsPath, next, fault });

  router.get('/login', (request, response) => show(response, placeIn(fieldsOf(request.query).last.next)));
  router.post('/login', readForm, (request, response) => {
    if (!isFromUs(request)) throw new SluiceError('PERMISSION_DENIED', 'Log in on the page of this server.');
    const { token = '', next } = fieldsOf(request.body).last;
    const caller = tokens.callerOf(token.trim());
    if (!caller) return show(response, placeIn(next), 'The token is not known here, or was revoked.');
    response.cookie(SESSION_COOKIE, sessions.begin(caller.name), {
      ...cookie(isByTls(request)),
      maxAge: SESSION_MS,
    });
    response.redirect(303, placeIn(next));
  });
  router.post('/logout', (request, response) => {
    if (!isFromUs(request)) throw new SluiceError('PERMISSION_DENIED', 'Log out on a page of this server.');
    const id = cookieOf(request, SESSION_COOKIE);
    if (id !== undefined) sessions.end(id);
    response.clearCookie(SESSION_COOKIE, cookie(isByTls(request)));
    response.redirect(303, '/login');
  });
  return router;
}

/** A proxy that has TLS is known by what the browser calls us: nobody else can say it in a form of ours. */
const isByTls = ({ headers }: Request): boolean => headers.origin?.startsWith('https:') === true;

/** No script sees it, and no page of others sends it. */
const cookie = (secure: boolean) => ({ httpOnly: true, sameSite: 'strict', path: '/', secure }) as const;

/** Where to go after the login: a path of ours, never an address of others. */
const placeIn = (next = '/'): string => (/^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/');
