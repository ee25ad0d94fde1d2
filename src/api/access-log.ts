/** A line in the log for each request: who asked for what, what came of it, how long it took. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Log } from '../service/log.ts';
import type { Admission } from './guard.ts';
import type { Operation } from './operation.ts';

/** What a request turned out to ask for. */
interface Asked {
  operation?: Operation;
  jobId?: string;
}

/** The id of a request, which its answer and its lines in the log carry. */
export const requestIdOf = (request: IncomingMessage): string => String(request.id);

/** Asked for every few seconds by machines: only of interest when they fail. */
const ROUTINE = new Set(['/healthz', '/readyz', '/metrics']);

export const accessLog = (log: Log): RequestHandler =>
  pinoHttp({
    logger: log,
    genReqId: (_, response) => {
      const id = randomUUID();
      response.setHeader('x-request-id', id);
      return id;
    },
    customAttributeKeys: { responseTime: 'milliseconds' },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customLogLevel: (request, response) => {
      // What Dataflow has and Sluice has not is no failure.
      if (response.statusCode >= 500 && response.statusCode !== 501) return 'error';
      return ROUTINE.has(pathOf(request.url)) ? 'debug' : 'info';
    },
    // Neither headers nor the query: both may hold a token.
    serializers: {
      req: ({ method, url }) => ({ method, path: pathOf(url) }),
      res: ({ statusCode }) => ({ status: statusCode }),
    },
    wrapSerializers: false,
    customSuccessObject: (request, response, line) => ({ ...line, ...whatWasAsked(request, response) }),
    // The error that comes with a status was made of the status; why a request failed has a line of its own.
    customErrorObject: (request, response, _, { err, ...line }) => ({
      ...line,
      ...(response.statusCode < 500 && { err }),
      ...whatWasAsked(request, response),
    }),
  });

function whatWasAsked(request: IncomingMessage, response: ServerResponse) {
  const { caller, operation, jobId } = (response as ServerResponse & { locals: Admission & Asked }).locals;
  return {
    requestId: requestIdOf(request),
    address: request.socket.remoteAddress,
    ...(caller && { caller: caller.name }),
    ...(operation && { operation: operation.id }),
    ...(jobId !== undefined && { jobId }),
  };
}

const pathOf = (url = ''): string => url.split('?', 1)[0] ?? '';
