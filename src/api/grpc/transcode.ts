/** Which operation a call of the protocol means, and its request: the protocol itself says it, for REST. */
import type { AnyDefinition } from '@grpc/proto-loader';
import type { Operation } from '../operation.ts';
import { checkActiveJobs } from '../v1b3/check-active-jobs.ts';
import { dataflowOperations } from '../v1b3/index.ts';

/** What the protocol says of the method of a service. */
export type MethodDefinition = Extract<AnyDefinition[keyof AnyDefinition], { requestStream: boolean }>;

/** The option `google.api.http` of a method. */
interface HttpRule {
  get?: string;
  post?: string;
  put?: string;
  delete?: string;
  /** The field of the request that is the body; `*`: all that the path does not hold. */
  body?: string;
}

export interface Route {
  operation: Operation;
  body: string | undefined;
}

/** The operation that serves a method; undefined: none does. */
export function routeOf({ path, options }: MethodDefinition): Route | undefined {
  // The only one that REST has not.
  if (path.endsWith('/CheckActiveJobs')) return { operation: checkActiveJobs, body: undefined };
  const rule: HttpRule = (options as unknown as Record<string, HttpRule>)['(google.api.http)'] ?? {};
  for (const method of ['get', 'post', 'put', 'delete'] as const) {
    const pattern = rule[method];
    if (pattern === undefined) continue;
    const named = pattern.replaceAll(/\{\w+\}/g, camelCase);
    const operation = dataflowOperations.find(each => each.method === method && each.path === named);
    return operation && { operation, body: rule.body === '*' ? '*' : rule.body && camelCase(rule.body) };
  }
  return undefined;
}

/** The parts of a request: what the path, the query and the body of REST would hold. */
export function partsOf({ operation, body }: Route, request: Readonly<Record<string, unknown>>) {
  const variables = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const path = Object.fromEntries(variables.map(name => [name, String(request[name] ?? '')]));
  const rest = Object.entries(request).filter(([name]) => !variables.includes(name));
  if (body === '*') return { path, query: {}, body: Object.fromEntries(rest) };
  const query = Object.fromEntries(rest.filter(([name]) => name !== body).flatMap(flat));
  return { path, query, body: body === undefined ? undefined : (request[body] ?? {}) };
}

/** `dynamicTemplate: {gcsPath}` is `dynamicTemplate.gcsPath` in a query. */
function flat([name, value]: [string, unknown]): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[name, value]];
  return Object.entries(value).map(([inner, each]) => [`${name}.${inner}`, each]);
}

const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
