/** What ajv found wrong with the parameters, in words that name the parameters. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Violation } from '../errors.ts';
import { kindOf } from './kinds/index.ts';
import type { ParametersSchema } from './meta-schema.ts';
import { branchWords, choiceWords, conditionWords } from './rules.ts';

/** The violations in ajv's errors, each parameter named once for each reason. */
export function violationsOf(
  errors: readonly ErrorObject[],
  schema: ParametersSchema,
  given: Readonly<Record<string, unknown>>,
): Violation[] {
  const violations = errors
    .map(error => violationOf(error, schema, given))
    .filter(each => each !== undefined);
  return violations.filter(
    ({ subject, message }, index) =>
      violations.findIndex(each => each.subject === subject && each.message === message) === index,
  );
}

function violationOf(
  error: ErrorObject,
  schema: ParametersSchema,
  given: Readonly<Record<string, unknown>>,
): Violation | undefined {
  const { keyword, schemaPath, params, instancePath } = error;
  if (instancePath !== '') return valueViolation(error, schema);
  switch (keyword) {
    case 'required':
      return missing(params.missingProperty, schemaPath, schema);
    case 'dependentRequired':
      return { subject: params.missingProperty, message: `is required when ${params.property} is given` };
    case 'oneOf':
    case 'anyOf':
      return choice(keyword, schema[keyword] ?? [], given);
    case 'not':
      return forbidden(schema.not?.required ?? []);
    default:
      // `if` only says that its `then` failed, which has told why itself.
      return undefined;
  }
}

function missing(name: string, schemaPath: string, schema: ParametersSchema): Violation | undefined {
  // The branches of a choice are told by the choice.
  if (/^#\/(?:oneOf|anyOf|not)\//.test(schemaPath)) return undefined;
  const { title } = schema.properties[name] ?? {};
  const what = title ? ` (${title})` : '';
  const [, index, branch] = /^#\/allOf\/(\d+)\/(then|else)\//.exec(schemaPath) ?? [];
  const rule = schema.allOf?.[Number(index)];
  if (!rule) return { subject: name, message: `must be given${what}` };
  const when = `${branch === 'then' ? 'when' : 'unless'} ${conditionWords(rule.if)}`;
  return { subject: name, message: `must be given${what} ${when}` };
}

function choice(
  keyword: 'oneOf' | 'anyOf',
  branches: readonly { required: readonly string[] }[],
  given: Readonly<Record<string, unknown>>,
): Violation {
  const names = branches.flatMap(({ required }) => required);
  const there = branches.filter(({ required }) => required.every(name => Object.hasOwn(given, name)));
  const found =
    there.length === 0
      ? 'none is given'
      : `${there.map(each => branchWords(each.required)).join(' and ')} are given`;
  return { subject: names[0] ?? '', message: `${choiceWords(keyword, branches)}: ${found}` };
}

const forbidden = (required: readonly string[]): Violation => ({
  subject: required[0] ?? '',
  message: `${required.join(' and ')} cannot be given together`,
});

/** A value of the right kind that breaks a limit of its schema. */
function valueViolation(
  { instancePath, keyword, params, message }: ErrorObject,
  schema: ParametersSchema,
): Violation {
  const name = instancePath.slice(1);
  const property = schema.properties[name];
  const limits: Record<string, string> = {
    minimum: `must be at least ${params.limit}`,
    maximum: `must be at most ${params.limit}`,
    minLength: params.limit === 1 ? 'must not be empty' : `must have at least ${params.limit} characters`,
    maxLength: `must have at most ${params.limit} characters`,
    pattern: `must match the pattern ${params.pattern}`,
  };
  const expected =
    property && ['type', 'enum'].includes(keyword)
      ? `must be ${kindOf(property).expected(property)}`
      : undefined;
  return { subject: name, message: expected ?? limits[keyword] ?? `${message}` };
}
