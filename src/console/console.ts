/** The web console: pages made on the server, below the same address as the API. */
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { type Caller, mayAct } from '../access/roles.ts';
import { sessionsIn } from '../access/sessions.ts';
import { tokensIn } from '../access/tokens.ts';
import { asSluiceError, errorKinds, SluiceError } from '../errors.ts';
import { VERSION } from '../program.ts';
import type { Service } from '../service/service.ts';
import { assets, assetsPath } from './assets.ts';
import { fieldsOf, isFromUs, readForm } from './form.ts';
import { login } from './login.ts';
import type { Page, PageAnswer, PageRequest } from './page.ts';
import { pages } from './pages/index.ts';
import { type ConsoleLocals, callerOf, cookieOf, SESSION_COOKIE } from './session.ts';
import { sendStream } from './stream.ts';
import { useViews } from './views.ts';

export interface ConsoleOptions {
  /** Ends all streams. */
  ending: AbortSignal;
}

/** An application to be put behind the guard of the API, which has found out who calls. */
export function consoleOf(service: Service, { ending }: ConsoleOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple');
  useViews(app);
  app.use(assets());
  const sessions = sessionsIn(service.store);
  app.use(login({ sessions, tokens: tokensIn(service.store) }));
  app.get('/', (_, response) => response.redirect(303, '/templates'));
  for (const page of pages)
    app[page.method](page.path, readForm, async (request, response) => {
      const caller = callerOf(request, response, sessions);
      if (!caller) return askForToken(request, response);
      requireMay(page, request, caller);
      await send(
        page,
        request,
        response,
        await page.answer(requestOf(request, response, caller, ending), service),
      );
    });
  app.use((request, response, next) => {
    if (!isOurs(request, response)) return next();
    if (!callerOf(request, response, sessions)) return askForToken(request, response);
    throw new SluiceError('ROUTE_NOT_FOUND', `There is no page ${request.path}.`);
  });
  app.use(showError(service));
  return app;
}

const PROGRAMS = /^\/(?:api|v1b3|metrics|openapi\.json|healthz|readyz|reference)(?:\/|$)/;

/** Whether a person looks for a page, and no program for something of the API. */
function isOurs({ method, path, headers }: Request, { locals }: Response): boolean {
  const isRead = method === 'GET' && headers.accept?.includes('text/html') === true;
  return isRead && locals.methods === undefined && !PROGRAMS.test(path);
}

/** @throws SluiceError PERMISSION_DENIED */
function requireMay(page: Page, request: Request, caller: Caller): void {
  if (!isFromUs(request))
    throw new SluiceError('PERMISSION_DENIED', 'Pages of other origins may not change anything here.');
  if (!mayAct(caller, page.role))
    throw new SluiceError(
      'PERMISSION_DENIED',
      `This needs a token with the role ${page.role}; yours is ${caller.role}.`,
    );
}

function askForToken(request: Request, response: Response): void {
  const next = request.method === 'GET' ? `?next=${encodeURIComponent(request.originalUrl)}` : '';
  // A part of a page that is open cannot show a login: the whole page must turn.
  if (isPart(request)) response.set('hx-redirect', `/login${next}`).status(204).end();
  else response.redirect(303, `/login${next}`);
}

const isPart = ({ headers }: Request): boolean =>
  headers['hx-request'] === 'true' && headers['hx-request-type'] !== 'full';

function requestOf(request: Request, response: Response, caller: Caller, ending: AbortSignal): PageRequest {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const { last: form, lists } = fieldsOf(request.body);
  const query = fieldsOf(request.query).last;
  return {
    path: request.params as Record<string, string>,
    query,
    form,
    lists,
    isFragment: isPart(request),
    caller,
    hasSession: cookieOf(request, SESSION_COOKIE) !== undefined,
    origin: `${request.protocol}://${request.headers.host}`,
    render: (view, model) => rendered(response, view, model),
    signal: AbortSignal.any([gone.signal, ending]),
  };
}

/** A part of a page by itself, for a stream. */
function rendered({ app, locals }: Response, view: string, model: object): Promise<string> {
  const { caller }: ConsoleLocals = locals;
  const mayOperate = caller !== undefined && mayAct(caller, 'operator');
  return new Promise((resolve, reject) =>
    app.render(view, { ...model, mayOperate, assets: assetsPath, layout: false }, (error, text) =>
      error ? reject(error) : resolve(text),
    ),
  );
}

async function send(page: Page, request: Request, response: Response, answer: PageAnswer): Promise<void> {
  if ('redirect' in answer) {
    if (isPart(request)) response.set('hx-redirect', answer.redirect).status(204).end();
    else response.redirect(303, answer.redirect);
  } else if ('json' in answer) response.set('cache-control', 'no-store').json(answer.json);
  else if ('stream' in answer) await sendStream(answer.stream, response);
  else if ('download' in answer)
    response.attachment(answer.fileName).type(answer.contentType).send(answer.download);
  else {
    if (answer.pushUrl !== undefined) response.set('hx-push-url', answer.pushUrl);
    response.status(answer.status ?? 200).render(answer.view, {
      ...answer.model,
      ...frameOf(request, response, page, answer.title),
      ...(isPart(request) && { layout: false }),
    });
  }
}

/** What the frame around a page shows. */
function frameOf(request: Request, response: Response, page?: Page, title?: string) {
  const { caller }: ConsoleLocals = response.locals;
  const theme = cookieOf(request, 'theme');
  response.set({ 'cache-control': 'no-store', vary: 'HX-Request' });
  return {
    title: title === undefined ? 'Sluice' : `${title} – Sluice`,
    section: page?.section,
    assets: assetsPath,
    version: VERSION,
    caller,
    mayOperate: caller !== undefined && mayAct(caller, 'operator'),
    mayAdminister: caller !== undefined && mayAct(caller, 'admin'),
    hasSession: cookieOf(request, SESSION_COOKIE) !== undefined,
    ...((theme === 'light' || theme === 'dark') && { theme }),
  };
}

const NO_PAGE = { summary: 'There is no such page.', remedy: 'Take one that the menu above leads to.' };

/** What is wrong, in the frame, with what to do about it. */
const showError =
  ({ log }: Service): ErrorRequestHandler =>
  (thrown, request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = faultOf(thrown);
    const requestId = String(request.id);
    if (error.code === 'INTERNAL') log.error({ requestId, err: error.cause ?? error }, 'a page failed');
    const { http, summary, remedy } = {
      ...errorKinds[error.code],
      ...(error.code === 'ROUTE_NOT_FOUND' && NO_PAGE),
    };
    response.status(http).render('error', {
      ...frameOf(request, response, undefined, summary.replace(/\.$/, '')),
      ...(isPart(request) && { layout: false }),
      error: {
        code: error.code,
        http,
        summary,
        remedy,
        violations: error.violations,
        message:
          error.code === 'INTERNAL'
            ? `Something failed in the server (request ${requestId}).`
            : error.message,
      },
    });
  };

/** What the reader of forms refuses is the browser's mistake. */
function faultOf(thrown: unknown): SluiceError {
  const { status } = (thrown ?? {}) as { status?: unknown };
  if (status === 413) return new SluiceError('REQUEST_TOO_LARGE', 'The form is larger than may be sent.');
  if (thrown instanceof URIError || (typeof status === 'number' && status >= 400 && status < 500))
    return new SluiceError('REQUEST_INVALID', 'The request is not well formed.');
  return asSluiceError(thrown);
}
