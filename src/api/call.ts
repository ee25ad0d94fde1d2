/** Calls an operation, whatever way the request came: checks it against the schemas and the caller's role first. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Caller, mayAct } from '../access/roles.ts';
import { SluiceError, type Violation } from '../errors.ts';
import type { Service } from '../service/service.ts';
import type { ApiRequest, Operation } from './operation.ts';

/** @throws SluiceError PERMISSION_DENIED, REQUEST_INVALID, and what the operation throws */
export async function callOperation(
  operation: Operation,
  request: ApiRequest,
  service: Service,
): Promise<object> {
  requireRole(operation, request.caller);
  const normalised = operation.normalise?.(request) ?? request;
  const query = knownOf(operation.query, normalised.query);
  const violations = [
    ...violationsOf(operation.query, query, 'query'),
    ...violationsOf(operation.body, normalised.body, 'body'),
  ];
  if (violations.length > 0) {
    const details = violations.map(({ subject, message }) => `${subject} ${message}`).join('; ');
    throw new SluiceError('REQUEST_INVALID', `Invalid request: ${details}`, { violations });
  }
  return operation.handle({ ...normalised, query }, service);
}

/** @throws SluiceError PERMISSION_DENIED */
export function requireRole({ id, role }: Operation, caller: Caller): void {
  if (role !== 'none' && !mayAct(caller, role))
    throw new SluiceError('PERMISSION_DENIED', `${id} needs a token with the role ${role}`);
}

/**
 * What the schema of the query names: clients add keys of their own, which mean nothing here. A key that was given
 * several times keeps its last value, unless a list is asked for.
 */
function knownOf(schema: object | undefined, query: Record<string, unknown>): Record<string, unknown> {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, { type?: unknown }> };
  const known: Record<string, unknown> = {};
  for (const [key, { type }] of Object.entries(properties)) {
    if (!Object.hasOwn(query, key)) continue;
    const value = query[key];
    if (type === 'array') known[key] = Array.isArray(value) ? value : [value];
    else known[key] = Array.isArray(value) ? value.at(-1) : value;
  }
  return known;
}

const forQueries = withFormats(
  new Ajv2020({ allErrors: true, strict: false, coerceTypes: true, useDefaults: true }),
);
const forBodies = withFormats(new Ajv2020({ allErrors: true, strict: false, verbose: true }));

function withFormats(ajv: Ajv2020): Ajv2020 {
  addFormats.default(ajv);
  return ajv;
}

/** Of a body that is wrong all over the first will do. */
const MAX_VIOLATIONS = 50;

const compiled = new WeakMap<object, ValidateFunction>();

function violationsOf(schema: object | undefined, value: unknown, part: 'query' | 'body'): Violation[] {
  if (!schema) return [];
  let validate = compiled.get(schema);
  if (!validate) {
    validate = (part === 'query' ? forQueries : forBodies).compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  const choices = errors.filter(error => choiceOf(error) !== undefined);
  return errors
    .filter(({ schemaPath }) => !choices.some(choice => schemaPath.startsWith(`${choice.schemaPath}/`)))
    .slice(0, MAX_VIOLATIONS)
    .map(error => violationOf(error, part));
}

function violationOf(error: ErrorObject, part: 'query' | 'body'): Violation {
  const { instancePath, keyword, params, message = 'is not valid' } = error;
  const path = instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'required') {
    const missing = String(params.missingProperty);
    return { subject: path === '' ? missing : `${path}.${missing}`, message: 'must be given' };
  }
  const choice = choiceOf(error);
  return {
    subject: path === '' ? part : path,
    message: choice ? `must have exactly one of ${listed(choice)}` : `${message}${detailOf(params)}`,
  };
}

/** The properties of which there must be exactly one, where that is what is wrong. */
function choiceOf({ keyword, schema }: ErrorObject): string[] | undefined {
  if (keyword !== 'oneOf' || !Array.isArray(schema)) return undefined;
  const names = schema.map(({ required }: { required?: string[] }) => required?.[0]);
  return names.every(name => name !== undefined) ? names : undefined;
}

const listed = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** What the validator knows and its message leaves out. */
function detailOf({ additionalProperty, allowedValues }: Record<string, unknown>): string {
  if (additionalProperty !== undefined) return `: ${additionalProperty}`;
  return Array.isArray(allowedValues) ? `: ${allowedValues.join(', ')}` : '';
}
