/** A template as Dataflow's `templates:get` describes it. */
import { describe, type ParameterDescription } from '../../catalog/describe.ts';
import type { ParametersSchema } from '../../catalog/meta-schema.ts';
import type { Template } from '../../catalog/template.ts';
import type { Metadata, ParameterMetadata } from '../../flex/metadata.ts';

/** The metadata of a template, made from its file. */
export function metadataOf(template: Template): Metadata {
  const { title, description, streaming, parameters } = describe(template);
  return {
    name: title,
    description,
    parameters: parameters.map(parameter => parameterOf(parameter, template.parameters)),
    streaming,
    ...(streaming && {
      supportsAtLeastOnce: true,
      supportsExactlyOnce: false,
      defaultStreamingMode: 'AT_LEAST_ONCE',
    }),
  };
}

function parameterOf(described: ParameterDescription, schema: ParametersSchema): ParameterMetadata {
  const { name, title, description, help, paramType, required, group, secret } = described;
  const { pattern, enum: values } = schema.properties[name] ?? {};
  return {
    name,
    label: title,
    helpText: `${description} ${help}`,
    isOptional: !required,
    paramType,
    ...(pattern !== undefined && { regexes: [pattern] }),
    ...(group !== undefined && { groupName: group }),
    ...(values && { enumOptions: values.map(value => ({ value, label: value })) }),
    ...(described.default !== undefined && { defaultValue: textOf(described.default) }),
    ...(secret && { customMetadata: { secret: 'true' } }),
    ...parentOf(name, schema),
  };
}

/** The parameter that one is asked for with, where a single one decides, and by which of its values. */
function parentOf(
  name: string,
  { properties, allOf = [], dependentRequired = {} }: ParametersSchema,
): object {
  for (const { if: condition, then } of allOf) {
    const [parent, ...others] = Object.entries(condition.properties ?? {});
    if (!parent || others.length > 0 || condition.required || !then.required.includes(name)) continue;
    const [parentName, { const: only, enum: several }] = parent;
    return { parentName, parentTriggerValues: (several ?? [only]).map(textOf) };
  }
  // Of two that need each other the second depends on the first.
  const names = Object.keys(properties);
  const parent = names.slice(0, names.indexOf(name)).find(each => dependentRequired[each]?.includes(name));
  return parent === undefined ? {} : { parentName: parent };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
