/** The HTTP application: every operation at its paths, every error as JSON. */
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { local } from '../access/roles.ts';
import { asSluiceError, errorKinds, SluiceError } from '../errors.ts';
import type { Service } from '../service/service.ts';
import { callOperation } from './call.ts';
import type { Operation } from './operation.ts';
import { sluiceOperations } from './operations/index.ts';
import { dataflowOperations } from './v1b3/index.ts';

export const operations: readonly Operation[] = [...dataflowOperations, ...sluiceOperations];

export function createApp(service: Service): Express {
  const app = express();
  app.use(express.json({ limit: '1mb' }));
  for (const operation of operations)
    for (const path of [operation.path, ...(operation.alsoAt ?? [])])
      app[operation.method](routeOf(path), (request, response) =>
        answer(operation, request, response, service),
      );
  app.use(() => {
    throw new SluiceError('ROUTE_NOT_FOUND', 'there is no such route');
  });
  app.use(tellError);
  return app;
}

/** Express's form of a path: variables in `{}` become `:name`, a verb's colon is escaped. */
const routeOf = (path: string): string =>
  path.replaceAll(':', String.raw`\:`).replaceAll(/\{(\w+)\}/g, ':$1');

async function answer(operation: Operation, request: Request, response: Response, service: Service) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const result = await callOperation(
    operation,
    {
      path: request.params as Record<string, string>,
      query: request.query as Record<string, unknown>,
      body: request.body,
      caller: local,
      signal: gone.signal,
    },
    service,
  );
  response.json(result);
}

function tellError(thrown: unknown, _: Request, response: Response, __: NextFunction): void {
  const { code, message } = asSluiceError(thrown);
  const { http } = errorKinds[code];
  response.status(http).json({ error: { code: http, message, status: code } });
}
