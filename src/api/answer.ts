/** Answers one HTTP request by its operation. */
import { once } from 'node:events';
import type { Request, Response } from 'express';
import { SluiceError } from '../errors.ts';
import type { Service } from '../service/service.ts';
import { readBody } from './body.ts';
import { callOperation, requireRole } from './call.ts';
import { type Admission, callerOf } from './guard.ts';
import type { Operation, StreamAnswer } from './operation.ts';

const MAX_STREAMS = 256;
/** A client that takes nothing for so long has gone, whatever its socket says. */
const PATIENCE_MS = 60_000;

/** How many clients listen to streams, and the end of all of them when the server stops. */
export interface Streams {
  open: number;
  ending: AbortSignal;
}

const nobody = { name: 'nobody', role: 'viewer' } as const;

export async function answer(
  operation: Operation,
  { request, response }: { request: Request; response: Response },
  service: Service,
  streams: Streams,
): Promise<void> {
  const admission: Admission = response.locals;
  const caller = operation.role === 'none' ? (admission.caller ?? nobody) : callerOf(admission);
  // Before the body is read: who may not do it has nothing to send.
  requireRole(operation, caller);
  const path = request.params as Record<string, string>;
  requirePlain(path);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, streams.ending]);
  const lastEventId = request.headers['last-event-id'];
  const result = await callOperation(
    operation,
    {
      path,
      query: { ...request.query },
      body: await readBody(operation, request),
      caller,
      signal,
      ...(typeof lastEventId === 'string' && { lastEventId }),
    },
    service,
  );
  if (operation.responseType === undefined) response.json(result);
  else await send(result as StreamAnswer, { request, response }, signal, streams);
}

/** What a path names is one name, never a way to somewhere else. */
function requirePlain(path: Record<string, string>): void {
  for (const value of Object.values(path))
    if (/^\.{1,2}$|[/\\\p{Cc}]/u.test(value))
      throw new SluiceError('ROUTE_NOT_FOUND', `There is nothing called ${JSON.stringify(value)} here.`);
}

async function send(
  { contentType, stream }: StreamAnswer,
  { request, response }: { request: Request; response: Response },
  signal: AbortSignal,
  streams: Streams,
): Promise<void> {
  if (streams.open >= MAX_STREAMS)
    throw new SluiceError('TOO_MANY_REQUESTS', `${MAX_STREAMS} clients listen to streams already.`);
  response.set({ 'content-type': contentType, 'cache-control': 'no-store' });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();
  streams.open++;
  try {
    for await (const piece of stream) {
      if (signal.aborted) break;
      if (!response.write(piece))
        await once(response, 'drain', {
          signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
        });
    }
  } catch (error) {
    response.destroy();
    if (!signal.aborted) throw error;
  } finally {
    streams.open--;
    response.end();
  }
}
