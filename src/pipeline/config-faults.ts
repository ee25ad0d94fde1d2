/** What ajv found wrong with a config, in words: one sentence per fault, which says what would be right. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import { listed, suggestion } from './suggest.ts';
import { isMapping } from './tree.ts';

export interface ConfigFault {
  error: ErrorObject;
  message: string;
}

/** The faults of the config of `name`; what the branches of a choice say is one fault. */
export function wordErrors(errors: ErrorObject[], name: string): ConfigFault[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  return errors
    .filter(error => error.keyword !== 'if' && !choices.some(choice => isWithin(error, choice)))
    .map(error => {
      if (!choices.includes(error)) return { error, message: word(error, name) };
      const branches = errors.filter(each => isWithin(each, error));
      return { error, message: wordChoice(error, branches, name) };
    });
}

/** The keys along a JSON pointer. */
export const keysOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'));

const isWithin = (error: ErrorObject, choice: ErrorObject): boolean =>
  error !== choice &&
  error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
  error.instancePath.startsWith(choice.instancePath);

function word(error: ErrorObject, name: string): string {
  const { keyword, params, parentSchema, instancePath, data } = error;
  const key = keysOf(instancePath).at(-1);
  const subject = key ?? name;
  if (keyword === 'required') return `${subject} needs ${params.missingProperty}`;
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const unknown = String(params.additionalProperty ?? params.unevaluatedProperty);
    const known = Object.keys(isMapping(parentSchema?.properties) ? parentSchema.properties : {});
    return `${subject} has no key ${unknown}${suggestion(unknown, known)}`;
  }
  if (keyword === 'type') return wrongType(subject, [params.type].flat(), data);
  if (keyword === 'enum')
    return `${subject} must be ${listed(params.allowedValues.map(String), 'or')}, not ${describe(data)}`;
  if (keyword === 'const') return `${subject} must be ${String(params.allowedValue)}, not ${describe(data)}`;
  return `${subject} ${error.message ?? 'is not valid'}`;
}

function wordChoice(error: ErrorObject, branches: ErrorObject[], name: string): string {
  const subject = keysOf(error.instancePath).at(-1) ?? name;
  const { data } = error;
  const isAll = (keyword: string) => branches.every(each => each.keyword === keyword);
  if (branches.length === 0) return `${subject} takes only one of ${askedBy(error.schema)}`;
  if (isAll('required')) {
    const missing = new Set(branches.map(({ params }) => String(params.missingProperty)));
    return `${subject} needs ${listed([...missing], 'or')}`;
  }
  if (isAll('type'))
    return wrongType(
      subject,
      branches.flatMap(({ params }) => [params.type].flat()),
      data,
    );
  return [...new Set(branches.map(branch => word(branch, name)))].join(', or ');
}

/** More than one branch fits: of the properties they ask for, only one may be there. */
function askedBy(schema: unknown): string {
  const branches: { required?: string[] }[] = Array.isArray(schema) ? schema : [];
  const asked = branches.flatMap(({ required }) => required ?? []);
  return asked.length > 0 ? listed(asked) : 'its forms';
}

const TYPE_NAMES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
};

function wrongType(subject: string, types: string[], value: unknown): string {
  const names = types.map(type => TYPE_NAMES[type] ?? type);
  return `${subject} must be ${listed(names, 'or')}, not ${describe(value)}`;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'bigint') return `${value}, which is beyond 2^53`;
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
