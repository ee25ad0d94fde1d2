/** What every method of the service does alike: turns what was thrown into a gRPC status. */
import {
  type handleUnaryCall,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { Refusal } from './refusal.ts';
import { isFull } from './store.ts';

/** A method that takes one request and gives one response. */
export function unary<Request, Response>(
  work: (request: Request, call: ServerUnaryCall<Request, Response>) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await work(call.request, call));
    } catch (error) {
      callback(statusOf(error));
    }
  };
}

/** The status an error is answered with. */
export function statusOf(error: unknown): Partial<StatusObject> & ServerErrorResponse {
  if (error instanceof Refusal) return answer(error.code, error.message);
  if (isFull(error)) return answer(status.RESOURCE_EXHAUSTED, 'the disk of the embedded Pub/Sub is full');
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return answer(status.INTERNAL, error instanceof Error ? error.message : String(error));
}

function answer(code: status, details: string): Partial<StatusObject> & ServerErrorResponse {
  return { name: status[code], message: details, code, details };
}

/** One page of names or settings in the order of their names; the token is the last name of the page before. */
export function page<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { pageSize, pageToken }: { pageSize: number; pageToken: string },
): { items: T[]; nextPageToken: string } {
  const size = pageSize > 0 ? Math.min(pageSize, MAX_PAGE) : MAX_PAGE;
  const sorted = items
    .filter(item => nameOf(item) > pageToken)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const shown = sorted.slice(0, size);
  const last = shown.at(-1);
  return { items: shown, nextPageToken: sorted.length > size && last !== undefined ? nameOf(last) : '' };
}

const MAX_PAGE = 1000;
