/**
 * One thing the API does, declared as one object: routes, validation, access, OpenAPI and gRPC read it. Adding an
 * operation is adding one to a list in `operations/`.
 */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts';
import type { Caller, Role } from '../access/roles.ts';
import type { Service } from '../service/service.ts';

export interface ApiRequest<Query = Record<string, unknown>, Body = unknown> {
  /** Values of the path's variables, decoded. */
  path: Record<string, string>;
  query: Query;
  body: Body;
  caller: Caller;
  /** Aborted when the client has gone. */
  signal: AbortSignal;
  /** `Last-Event-ID`: where a client that comes back to a stream of events had got to. */
  lastEventId?: string;
}

/** An answer that is no JSON document, or not a whole one. */
export interface StreamAnswer {
  contentType: string;
  /** What to send, piece by piece; ends when the client has gone. */
  stream: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;
}

export interface Operation<Query = Record<string, unknown>, Body = unknown> {
  /** `launchFlexTemplate`: OpenAPI's operationId. */
  id: string;
  /** The heading it stands under in the reference. */
  tag: string;
  summary: string;
  description?: string;
  method: 'get' | 'post' | 'put' | 'delete';
  /** `/v1b3/projects/{projectId}/jobs/{jobId}`; a verb may follow the last segment: `…/flexTemplates:launch`. */
  path: string;
  /** Further paths with the same meaning. */
  alsoAt?: string[];
  /** The least role that may call it; `none`: everybody, also without a token. */
  role: Role | 'none';
  /** JSON Schemas; texts of the query become what its schema asks for, keys it does not name are dropped. */
  query?: object;
  body?: object;
  /** The body is this text instead of JSON, e.g. `text/javascript`; it may be larger then. */
  bodyType?: string;
  response: object;
  /** The answer is no JSON document, but of this type: the operation gives a `StreamAnswer`. */
  responseType?: string;
  /** An example body, for the reference and the tests; who has a body has one. */
  example?: unknown;
  /** Examples of the path's variables and of the query, where they need other values than the tests know. */
  examplePath?: Record<string, string>;
  exampleQuery?: Record<string, string>;
  /** Brings what clients send into the form that the schemas describe, before they are checked. */
  normalise?(request: ApiRequest): ApiRequest;
  handle(request: ApiRequest<Query, Body>, service: Service): Promise<object> | object;
}

type ValueOf<Schema, Otherwise> = object extends Schema
  ? Otherwise
  : Schema extends JSONSchema
    ? FromSchema<Schema>
    : Otherwise;

/** Declares an operation; the types of its query and body derive from their schemas. */
export function defineOperation<const Query extends object = object, const Body extends object = object>(
  operation: Omit<Operation, 'query' | 'body' | 'handle'> & {
    query?: Query;
    body?: Body;
    handle(
      request: ApiRequest<ValueOf<Query, Record<string, unknown>>, ValueOf<Body, unknown>>,
      service: Service,
    ): Promise<object> | object;
  },
): Operation {
  return operation as unknown as Operation;
}
