/** What there is to tell of a template: for `sluice templates show`, its README, a form, Dataflow's metadata. */
import { kindOf, type Widget } from './kinds/index.ts';
import type { ParameterSchema, ParametersSchema } from './meta-schema.ts';
import { conditionWords, ruleSentences } from './rules.ts';
import type { Template, TemplateSummary } from './template.ts';

export interface ParameterDescription {
  name: string;
  title: string;
  description: string;
  /** Name of its kind; `help` says what that takes. */
  kind: string;
  help: string;
  widget: Widget;
  /** Dataflow's `ParameterMetadata.paramType`. */
  paramType: string;
  required: boolean;
  /** When it is required though `required` is false: `sinkType is GCS`. */
  requiredWhen?: string;
  secret: boolean;
  default?: string | number | boolean | Record<string, unknown>;
  examples: unknown[];
  enum?: string[];
  group?: string;
}

export interface TemplateDescription extends Omit<TemplateSummary, 'file'> {
  /** Required ones first, otherwise in the order of the file. */
  parameters: ParameterDescription[];
  /** The rules over several parameters, a sentence each. */
  rules: string[];
  /** A launch with every parameter that is needed. */
  example: string;
  takesUdf: boolean;
}

export function describe(template: Template): TemplateDescription {
  const { id, aliases, title, category, streaming, description, origin, parameters } = template;
  const described = Object.entries(parameters.properties).map(([name, schema]) =>
    describeParameter(name, schema, parameters),
  );
  return {
    id,
    aliases,
    title,
    category,
    streaming,
    description,
    origin,
    parameters: [...described.filter(each => each.required), ...described.filter(each => !each.required)],
    rules: ruleSentences(parameters),
    example: exampleCommand(template),
    takesUdf: Object.hasOwn(parameters.properties, 'javascriptTextTransformGcsPath'),
  };
}

function describeParameter(
  name: string,
  schema: ParameterSchema,
  parameters: ParametersSchema,
): ParameterDescription {
  const { name: kind, help, widget, paramType, secret = false } = kindOf(schema);
  const rule = parameters.allOf?.find(each => each.then.required.includes(name));
  return {
    name,
    title: schema.title,
    description: schema.description.trim(),
    kind,
    help,
    widget,
    paramType,
    required: parameters.required?.includes(name) ?? false,
    ...(rule && { requiredWhen: conditionWords(rule.if) }),
    secret,
    ...(schema.default !== undefined && { default: schema.default }),
    examples: schema.examples ?? [],
    ...(schema.enum && { enum: [...schema.enum] }),
    ...(schema.group !== undefined && { group: schema.group }),
  };
}

function exampleCommand(template: Template): string {
  const lines = Object.entries(exampleParameters(template)).map(
    ([name, value]) => `  --parameters ${quoted(`${name}=${value}`)}`,
  );
  return [`sluice run ${template.id}`, ...lines].join(' \\\n');
}

/** The least that can be launched, and a function where the template takes one, each value its first example. */
export function exampleParameters({ parameters }: Template): Record<string, unknown> {
  const { required = [], oneOf, anyOf, allOf = [], properties } = parameters;
  const choice = (oneOf ?? anyOf)?.at(-1)?.required ?? [];
  const byDefault = allOf
    .filter(({ if: { properties: asked = {} } }) =>
      Object.entries(asked).every(([name, { const: value }]) => value === properties[name]?.default),
    )
    .flatMap(({ then }) => then.required);
  const udf = ['javascriptTextTransformGcsPath', 'javascriptTextTransformFunctionName'];
  const needed = new Set([...required, ...choice, ...byDefault, ...udf]);
  const names = Object.keys(properties).filter(name => needed.has(name));
  return Object.fromEntries(names.map(name => [name, properties[name]?.examples?.[0] ?? '…']));
}

/** As a shell takes it. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
