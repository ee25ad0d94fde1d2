/** Checks the parameters of a launch, all at once, and gives them their types and defaults. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import type { Json } from '../engine/component.ts';
import { SluiceError, type Violation } from '../errors.ts';
import { didYouMean } from '../pipeline/suggest.ts';
import { kindOf, kinds } from './kinds/index.ts';
import type { ParameterSchema, ParametersSchema } from './meta-schema.ts';
import { pipelineOptions, workerOptions } from './pipeline-options.ts';
import type { Template } from './template.ts';
import { violationsOf } from './violations.ts';

export interface Validated {
  /** Typed, normalised (paths absolute), with defaults; absent optional ones are not there. */
  parameters: Record<string, Json>;
  /** Pipeline options that came as parameters, e.g. `numWorkers`. */
  options: Record<string, Json>;
}

/**
 * Checks what a user gave for a template. Texts become what the schema asks for, since gcloud sends only texts.
 * Throws PARAMETERS_INVALID whose violations name every parameter that is wrong, and what would be right.
 */
export function validateParameters(template: Template, given: Readonly<Record<string, unknown>>): Validated {
  const { properties } = template.parameters;
  const violations: Violation[] = [];
  const parameters: Record<string, Json> = {};
  const options: Record<string, Json> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const fault = template.program?.faultOf(name, textOf(value));
    if (fault !== undefined) violations.push({ subject: name, message: fault });
    else if (schema) setParameter(name, schema, value, parameters, violations);
    else if (template.program?.takesAnything) parameters[name] = textOf(value);
    else if (pipelineOptions.has(name)) setOption(name, value, options, violations);
    else violations.push({ subject: name, message: unknownMessage(template, name) });
  }
  setDefaults(template.parameters, violations, parameters);
  violations.push(...ruleViolations(template.parameters, parameters, violations));
  if (violations.length > 0) throw invalid(template, violations);
  return { parameters, options };
}

function setParameter(
  name: string,
  schema: ParameterSchema,
  value: unknown,
  parameters: Record<string, Json>,
  violations: Violation[],
): void {
  const kind = kindOf(schema);
  const text = textOf(value);
  if (text === '' && !kind.takesEmpty) return;
  const parsed = typeof value === 'object' && schema.type !== 'object' ? undefined : kind.parse(text, schema);
  if (parsed === undefined) {
    const shown = kind.secret ? '' : `, not ${shorten(text)}`;
    const message = kind.fault?.(text) ?? `must be ${kind.expected(schema)}${shown}`;
    violations.push({ subject: name, message });
  } else parameters[name] = parsed;
}

const textOf = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

function setOption(
  name: string,
  value: unknown,
  options: Record<string, Json>,
  violations: Violation[],
): void {
  if (!workerOptions.has(name)) {
    options[name] = JSON.parse(JSON.stringify(value));
    return;
  }
  const count = Number(value);
  if (Number.isSafeInteger(count) && count >= 1 && value !== '') options[name] = count;
  else
    violations.push({
      subject: name,
      message: `must be a whole number from 1, not ${shorten(String(value))}`,
    });
}

/** A default goes through its kind, as if it had been given; not where a wrong value was. */
function setDefaults(
  { properties }: ParametersSchema,
  violations: readonly Violation[],
  parameters: Record<string, Json>,
): void {
  for (const [name, schema] of Object.entries(properties)) {
    if (Object.hasOwn(parameters, name) || schema.default === undefined) continue;
    if (violations.some(({ subject }) => subject === name)) continue;
    const value =
      typeof schema.default === 'object' ? JSON.stringify(schema.default) : String(schema.default);
    const parsed = kindOf(schema).parse(value, schema);
    if (parsed !== undefined) parameters[name] = parsed;
  }
}

function ruleViolations(
  schema: ParametersSchema,
  parameters: Record<string, Json>,
  known: readonly Violation[],
): Violation[] {
  const validate = compile(schema);
  // A parameter that is of the wrong kind was given all the same: no rule may call it missing.
  const wrong = new Set(
    known.map(({ subject }) => subject).filter(name => Object.hasOwn(schema.properties, name)),
  );
  const given = { ...parameters };
  for (const name of wrong) given[name] = null;
  if (validate(given)) return [];
  return violationsOf(validate.errors ?? [], schema, given).filter(({ subject }) => !wrong.has(subject));
}

const compiled = new WeakMap<ParametersSchema, ValidateFunction>();

function compile(schema: ParametersSchema): ValidateFunction {
  let validate = compiled.get(schema);
  if (!validate) {
    const ajv = new Ajv2020({
      allErrors: true,
      strict: false,
      code: { regExp: linear },
      formats: Object.fromEntries([...kinds.keys()].map(name => [name, true])),
    });
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  return validate;
}

/** A pattern, matched in linear time where RE2 knows it: a template out of an image is somebody else's. */
const linear = Object.assign(
  (pattern: string, flags: string) => {
    const regex = compileLinear(pattern);
    if (!regex) return new RegExp(pattern, flags);
    return { test: (text: string) => regex.matcher(text).find(), toString: () => pattern };
  },
  { code: 'new RegExp' },
);

/** Undefined for a pattern that RE2 does not know. */
export function compileLinear(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch {
    return undefined;
  }
}

function unknownMessage({ parameters: { properties } }: Template, name: string): string {
  return `is no parameter of this template${didYouMean(name, [...Object.keys(properties), ...pipelineOptions])}`;
}

function invalid({ id }: Template, violations: Violation[]): SluiceError {
  const count = violations.length === 1 ? 'one parameter is' : `${violations.length} parameters are`;
  return new SluiceError('PARAMETERS_INVALID', `${id}: ${count} invalid`, { violations });
}

/** A value as a message shows it: on one line, and never long. */
export function shorten(text: string): string {
  const line = JSON.stringify(text);
  return line.length > 80 ? `${line.slice(0, 77)}…"` : line;
}
