/** The OpenAPI document, from the very schemas that check the requests. */
import { isDeepStrictEqual } from 'node:util';
import packageFile from '../../package.json' with { type: 'json' };
import type { Operation } from './operation.ts';

type Json = Record<string, unknown>;

/** OpenAPI 3.1 of these operations, at all their paths. */
export function openApiOf(operations: readonly Operation[]): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const operation of operations)
    for (const [i, path] of [operation.path, ...(operation.alsoAt ?? [])].entries()) {
      const item = paths[path] ?? {};
      paths[path] = item;
      // Ids are of one path only.
      const operationId = i === 0 ? operation.id : `${operation.id}_${i + 1}`;
      item[operation.method] = { operationId, ...describe(operation, path, schemas) };
    }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: packageFile.version,
      description: `${packageFile.description} Below /v1b3 it speaks the API of Google's Dataflow.`,
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { apiKey: [] }, {}],
    tags: [...new Set(operations.map(({ tag }) => tag))].map(name => ({ name })),
    paths,
    components: {
      schemas: { ...schemas, Error: errorSchema },
      responses: {
        Error: {
          description:
            'What is wrong, as Google’s APIs tell it; the reason in ErrorInfo is the code of docs/errors.md.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of `sluice token create`.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-goog-api-key', description: 'The same token.' },
      },
    },
  };
}

function describe(operation: Operation, path: string, schemas: Json): Json {
  const { tag, summary, role, body, bodyType = 'application/json', example } = operation;
  const { responseType = 'application/json', response } = operation;
  const needs = role === 'none' ? 'Needs no token.' : `Needs the role ${role}, where tokens are asked for.`;
  const text = bodyType !== 'application/json';
  const error = { $ref: '#/components/responses/Error' };
  return {
    tags: [tag],
    summary,
    description: operation.description ? `${operation.description}\n\n${needs}` : needs,
    ...(role === 'none' && { security: [] }),
    parameters: [...pathParameters(operation, path), ...queryParameters(operation, schemas)],
    ...((body || text) && {
      requestBody: {
        required: text,
        content: {
          [bodyType]: {
            schema: body ? shared(body, schemas) : { type: 'string' },
            ...(example !== undefined && { example }),
          },
        },
      },
    }),
    responses: {
      200: {
        description: 'Done.',
        content: { [responseType]: { schema: shared(response, schemas) } },
      },
      '4XX': error,
      '5XX': error,
    },
  };
}

const pathParameters = ({ examplePath }: Operation, path: string): Json[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
    ...(examplePath?.[name] !== undefined && { example: examplePath[name] }),
  }));

function queryParameters({ query, exampleQuery }: Operation, schemas: Json): Json[] {
  const { properties = {}, required = [] } = (query ?? {}) as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: shared(schema, schemas),
    ...(exampleQuery?.[name] !== undefined && { example: exampleQuery[name] }),
  }));
}

/** The keywords whose values are no schemas, but values of what they describe. */
const LITERAL = new Set(['const', 'enum', 'default', 'example', 'examples', 'required']);
const COMPONENT = /^[A-Z]\w*$/;

/** The schema, where each part with a one-word title is written once, among the components. */
function shared(schema: unknown, schemas: Json): unknown {
  if (Array.isArray(schema)) return schema.map(each => shared(each, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, LITERAL.has(key) ? value : shared(value, schemas)]),
  );
  const { title } = copy;
  if (typeof title !== 'string' || !COMPONENT.test(title)) return copy;
  schemas[title] ??= copy;
  return isDeepStrictEqual(schemas[title], copy) ? { $ref: `#/components/schemas/${title}` } : copy;
}

const detail = { type: 'object', required: ['@type'], properties: { '@type': { type: 'string' } } };

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'status', 'errors', 'details'],
      properties: {
        code: { type: 'integer', description: 'The HTTP status.' },
        message: { type: 'string' },
        status: { type: 'string', examples: ['INVALID_ARGUMENT', 'NOT_FOUND'] },
        errors: { type: 'array', items: { type: 'object' } },
        details: { type: 'array', items: detail },
      },
    },
  },
};
