/** The template of a program in an image: it has no pipeline, and its spec says which parameters it takes. */
import type { ParameterSchema, ParametersSchema } from '../catalog/meta-schema.ts';
import { pipelineOptions } from '../catalog/pipeline-options.ts';
import type { ProgramChecks, Template } from '../catalog/template.ts';
import { SluiceError } from '../errors.ts';
import { programLabels } from '../worker/program.ts';
import type { Metadata, ParameterMetadata } from './metadata.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import type { ContainerSpec } from './spec.ts';

/**
 * What a launch of the program is checked against.
 * @param path where the spec comes from, for messages
 * @param labels those of its image
 * @throws SluiceError TEMPLATE_INVALID that names the place of the fault
 */
export function programTemplate(
  { image, metadata = {} }: ContainerSpec,
  path: string,
  labels: Readonly<Record<string, string>> = {},
): Template {
  const id = nameOf(image);
  return {
    id,
    aliases: [],
    title: metadata.name ?? id,
    category: 'UTILITIES',
    streaming: metadata.streaming ?? labels[programLabels.streaming] === 'true',
    description: metadata.description ?? '',
    file: path,
    origin: 'user',
    parameters: parametersOf(metadata, path),
    tests: [],
    program: checksOf(metadata, path),
  };
}

/** `registry/team/word-count:1` is `word-count`. */
const nameOf = (image: string): string => /([^/:@]+)(?::[^/@]*)?(?:@[^/]*)?$/.exec(image)?.[1] ?? 'program';

const NAME = /^(?!(?:__proto__|constructor|prototype)$)[A-Za-z_][\w.-]{0,99}$/;

function parametersOf({ parameters = [] }: Metadata, path: string): ParametersSchema {
  const properties: Record<string, ParameterSchema> = {};
  const required: string[] = [];
  const allOf: NonNullable<ParametersSchema['allOf']> = [];
  for (const [index, parameter] of parameters.entries()) {
    const { name, isOptional = false, parentName, parentTriggerValues = [] } = parameter;
    const place = `metadata.parameters[${index}]`;
    if (!NAME.test(name)) throw invalid(path, `${place}.name ${shown(name)} is no name for a parameter`);
    if (Object.hasOwn(properties, name)) throw invalid(path, `${place}.name ${name} is there twice`);
    properties[name] = schemaOf(parameter);
    if (isOptional) continue;
    if (!parentName) required.push(name);
    else if (!parameters.some(each => each.name === parentName))
      throw invalid(path, `${place}.parentName ${shown(parentName)} is no parameter`);
    else allOf.push(ruleOf(name, parentName, parentTriggerValues));
  }
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    ...(allOf.length > 0 && { allOf }),
  };
}

function schemaOf({ name, label, helpText, paramType, defaultValue, ...more }: ParameterMetadata) {
  const { customMetadata, enumOptions = [], groupName } = more;
  const kind = customMetadata?.secret === 'true' ? secret : (kinds[paramType ?? ''] ?? plain);
  const schema: ParameterSchema = {
    ...kind,
    title: label || name,
    description: helpText || label || name,
    ...(groupName && { group: groupName }),
    ...(defaultValue && { default: defaultValue }),
  };
  if (paramType === 'ENUM' && enumOptions.length > 0) schema.enum = enumOptions.map(({ value }) => value);
  return schema;
}

const plain = { type: 'string' } as const;
const secret = { type: 'string', format: 'secret' } as const;

/** The kind that each of Dataflow's types is; the others are texts. */
const kinds: Readonly<Record<string, Pick<ParameterSchema, 'type' | 'format'>>> = {
  GCS_READ_BUCKET: { type: 'string', format: 'gcs-read-folder' },
  GCS_WRITE_BUCKET: { type: 'string', format: 'gcs-write-folder' },
  GCS_READ_FILE: { type: 'string', format: 'gcs-read-file' },
  GCS_WRITE_FILE: { type: 'string', format: 'gcs-write-file' },
  GCS_READ_FOLDER: { type: 'string', format: 'gcs-read-folder' },
  GCS_WRITE_FOLDER: { type: 'string', format: 'gcs-write-folder' },
  PUBSUB_TOPIC: { type: 'string', format: 'pubsub-topic' },
  PUBSUB_SUBSCRIPTION: { type: 'string', format: 'pubsub-subscription' },
  BIGQUERY_TABLE: { type: 'string', format: 'bigquery-table' },
  // A library of functions is nothing that a program could read.
  JAVASCRIPT_UDF_FILE: { type: 'string', format: 'gcs-read-file' },
  BOOLEAN: { type: 'boolean' },
  NUMBER: { type: 'number' },
  KAFKA_TOPIC: { type: 'string', format: 'kafka-topic' },
  KAFKA_READ_TOPIC: { type: 'string', format: 'kafka-read-topic' },
  KAFKA_WRITE_TOPIC: { type: 'string', format: 'kafka-write-topic' },
};

/** Asked for once its parent has one of these values, or any where none is listed. */
function ruleOf(name: string, parent: string, values: string[]) {
  const wanted = values.flatMap((value): unknown[] => {
    const number = Number(value);
    const isNumber = value.trim() !== '' && Number.isFinite(number);
    if (value === 'true' || value === 'false') return [value, value === 'true'];
    return isNumber ? [value, number] : [value];
  });
  const given = { required: [parent] };
  return {
    if: wanted.length > 0 ? { ...given, properties: { [parent]: { enum: wanted } } } : given,
    // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
    then: { required: [name] },
  };
}

/** The longest text that Linux takes as one argument of a program, and its name. */
const MAX_VALUE_BYTES = 120_000;

function checksOf({ parameters }: Metadata, path: string): ProgramChecks {
  const patterns = new Map<string, Pattern[]>();
  for (const [index, { name, regexes = [] }] of (parameters ?? []).entries())
    patterns.set(
      name,
      regexes.map((regex, at) => {
        const pattern = compilePattern(regex);
        if (pattern) return pattern;
        const place = `metadata.parameters[${index}].regexes[${at}]`;
        throw invalid(path, `${place} ${shown(regex)} is no regular expression of JavaScript`);
      }),
    );
  return {
    takesAnything: parameters === undefined,
    faultOf(name, value) {
      if (value.includes('\0')) return 'may not hold a NUL byte';
      if (Buffer.byteLength(value) > MAX_VALUE_BYTES) return `may have ${MAX_VALUE_BYTES} bytes`;
      if (parameters === undefined && !NAME.test(name)) return 'is no name for a parameter';
      const isOption = pipelineOptions.has(name) && !patterns.has(name);
      if (value === '' || isOption) return undefined;
      return (patterns.get(name) ?? []).map(pattern => pattern.faultOf(value)).find(Boolean);
    },
  };
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));

const invalid = (path: string, why: string): SluiceError =>
  new SluiceError('TEMPLATE_INVALID', `${path}: ${why}`);
