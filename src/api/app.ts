/** The HTTP application: every operation at its paths, every error as JSON. */
import type { IncomingMessage } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Authenticate } from '../access/authenticate.ts';
import { SluiceError } from '../errors.ts';
import type { Service } from '../service/service.ts';
import { accessLog, requestIdOf } from './access-log.ts';
import { answer, type Streams } from './answer.ts';
import { asApiError, errorAnswer } from './errors.ts';
import { type Admission, admit, callerOf, limitRate } from './guard.ts';
import type { Operation } from './operation.ts';
import { sluiceOperations } from './operations/index.ts';
import { reference } from './reference.ts';
import { systemOperations } from './system/index.ts';
import { documentOf } from './system/openapi.ts';
import { dataflowOperations } from './v1b3/index.ts';

const declared = [...dataflowOperations, ...sluiceOperations, ...systemOperations];

export const operations: readonly Operation[] = [...declared, documentOf(declared)];

export interface AppOptions {
  authenticate: Authenticate;
  requestsPerMinute: number;
  /** Ends all streams. */
  ending: AbortSignal;
  /** Pages for people, behind the same guard. */
  pages?: RequestHandler;
}

export function createApp(service: Service, options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', 'simple');
  app.use(accessLog(service.log), headers, decodeColons);
  app.use(admit(options.authenticate), unlessHealth(limitRate(options.requestsPerMinute)));
  const streams: Streams = { open: 0, ending: options.ending };
  const routes = operations.flatMap(operation =>
    [operation.path, ...(operation.alsoAt ?? [])].map(path => ({ operation, path: routeOf(path) })),
  );
  // Among paths of the same length `jobs/{id}:snapshot` is to be asked before `jobs/{id}`.
  routes.sort((a, b) => variablesOf(a.path) - variablesOf(b.path) || b.path.length - a.path.length);
  for (const { operation, path } of routes)
    app[operation.method](path, (request, response) => {
      Object.assign(response.locals, { operation, jobId: request.params.jobId });
      const began = performance.now();
      response.on('close', () =>
        service.metrics.noteRequest(operation.id, response.statusCode, (performance.now() - began) / 1000),
      );
      return answer(operation, { request, response }, service, streams);
    });
  for (const { operation, path } of routes)
    app.all(path, (_, response, next) => {
      response.locals.methods = [...(response.locals.methods ?? []), operation.method.toUpperCase()];
      next();
    });
  app.use('/reference', reference());
  if (options.pages) app.use(options.pages);
  app.use(noRoute, tellError(service));
  return app;
}

/** Express's form of a path: variables in `{}` become `:name`, a verb's colon is escaped. */
const routeOf = (path: string): string =>
  path.replaceAll(':', String.raw`\:`).replaceAll(/\{(\w+)\}/g, ':$1');

const variablesOf = (route: string): number => route.split('/:').length;

/** Nothing that is served here may be shown inside a page of others, or load anything of others. */
const headers: RequestHandler = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  // Without a referrer browsers do not say where a form comes from either.
  referrerPolicy: { policy: 'same-origin' },
  // There is no TLS here: a proxy that has it says so itself.
  strictTransportSecurity: false,
});

/** `flexTemplates%3Alaunch` is `flexTemplates:launch`. */
const decodeColons: RequestHandler = (request, _, next) => {
  const [path = '', ...query] = request.url.split('?');
  if (/%3a/i.test(path)) request.url = [path.replaceAll(/%3a/gi, ':'), ...query].join('?');
  next();
};

const unlessHealth =
  (limit: RequestHandler): RequestHandler =>
  (request, response, next) =>
    request.path === '/healthz' || request.path === '/readyz' ? next() : limit(request, response, next);

const noRoute: RequestHandler = (request, response) => {
  const { methods, ...admission } = response.locals as Admission & { methods?: string[] };
  callerOf(admission);
  if (!methods) throw new SluiceError('ROUTE_NOT_FOUND', `There is no ${request.path} here.`);
  const allowed = [...new Set(methods.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : method)))];
  response.set('allow', [...allowed, 'OPTIONS'].join(', '));
  if (request.method !== 'OPTIONS')
    throw new SluiceError('METHOD_NOT_ALLOWED', `${request.path} takes ${allowed.join(', ')} only.`);
  response.status(204).end();
};

const tellError =
  ({ log }: Service): ErrorRequestHandler =>
  (thrown, request, response, next) => {
    const requestId = requestIdOf(request);
    const error = asApiError(thrown);
    if (error.code === 'INTERNAL') log.error({ requestId, err: error.cause ?? error }, 'a request failed');
    if (response.headersSent) return next(thrown);
    const { http, body } = errorAnswer(error, requestId);
    if (http === 401) response.set('www-authenticate', 'Bearer realm="sluice"');
    // What is still to come of a body that was refused is not waited for.
    if (!request.complete && hasBody(request)) response.set('connection', 'close');
    response.status(http).json(body);
  };

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
