/** What a template file may say: the schemas that template files and their shared groups are checked against. */
import type { FromSchema } from 'json-schema-to-ts';

const text = { type: 'string', minLength: 1 } as const;
const names = { type: 'array', items: text, minItems: 1, uniqueItems: true } as const;
const count = { type: 'integer', minimum: 0 } as const;

/** A parameter's name; names that mean something on a JavaScript object are no parameters. */
const PARAMETER_NAME = '^(?!(?:__proto__|constructor|prototype|job|this)$)[A-Za-z][A-Za-z0-9_]*$';

const parameterSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'title', 'description'],
  properties: {
    type: { enum: ['string', 'integer', 'number', 'boolean', 'object'] },
    /** A parameter kind: see `kinds/`. */
    format: text,
    title: text,
    description: text,
    default: { type: ['string', 'number', 'boolean', 'object'] },
    examples: { type: 'array', minItems: 1 },
    enum: { ...names },
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    minLength: count,
    maxLength: count,
    pattern: text,
    /** The heading a form shows it under. */
    group: text,
  },
} as const;

const properties = {
  type: 'object',
  propertyNames: { pattern: PARAMETER_NAME },
  additionalProperties: parameterSchema,
} as const;

const dependentRequired = { type: 'object', additionalProperties: names } as const;
const requiredOnly = {
  type: 'object',
  additionalProperties: false,
  required: ['required'],
  properties: { required: names },
} as const;

/** `if: {properties: {sinkType: {const: GCS}}}`: only forms that a message can put in words. */
const condition = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    required: names,
    properties: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: { const: {}, enum: { type: 'array', minItems: 1 } },
      },
    },
  },
} as const;

const conditional = {
  type: 'object',
  additionalProperties: false,
  required: ['if', 'then'],
  // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
  properties: { if: condition, then: requiredOnly, else: requiredOnly },
} as const;

const allOf = { type: 'array', items: conditional, minItems: 1 } as const;

const parametersSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'properties'],
  properties: {
    type: { const: 'object' },
    required: names,
    properties,
    oneOf: { type: 'array', items: requiredOnly, minItems: 2 },
    anyOf: { type: 'array', items: requiredOnly, minItems: 2 },
    not: requiredOnly,
    allOf,
    dependentRequired,
  },
} as const;

const lines = { type: 'array', items: { type: ['string', 'object'] } } as const;

/** One test of a template: what lies ready, what is launched, what must be there afterwards. */
export const testSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'parameters', 'expect'],
  properties: {
    name: text,
    /** Files made below `{{temp}}`: a text, or lines. */
    files: { type: 'object', additionalProperties: { type: ['string', 'array'], items: { type: 'string' } } },
    /** Subscriptions made before the launch, with their topics. */
    subscriptions: { type: 'object', additionalProperties: text },
    /** Messages published to topics before the launch: a text, or `{payload, attributes}`. */
    publish: { type: 'object', additionalProperties: lines },
    parameters: { type: 'object' },
    /** A streaming job is drained once it has read as many elements. */
    drainAfter: count,
    expect: {
      type: 'object',
      additionalProperties: false,
      properties: {
        state: { enum: ['DONE', 'DRAINED'] },
        elements: {
          type: 'object',
          additionalProperties: false,
          properties: { read: count, written: count, filtered: count, deadLettered: count },
        },
        /** Lines of the files that match a pattern below `{{temp}}`, in any order; a mapping is a part of a JSON line. */
        files: { type: 'object', additionalProperties: lines },
        /** Messages that a subscription holds, in any order; a mapping is a part of `{payload, attributes}`. */
        messages: { type: 'object', additionalProperties: lines },
        /** Rows of tables of the warehouse, in any order; a mapping is a part of a row. */
        tables: { type: 'object', additionalProperties: lines },
      },
    },
  },
} as const;

/** A template file. The keys before `parameters` stand first, so that a listing reads no further. */
export const templateSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['id', 'title', 'category', 'streaming', 'description', 'parameters'],
  oneOf: [{ required: ['pipeline'] }, { required: ['pipelineFrom'] }],
  properties: {
    id: { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_-]{0,99}$' },
    aliases: names,
    title: text,
    category: { enum: ['GET_STARTED', 'STREAMING', 'BATCH', 'UTILITIES'] },
    streaming: { type: 'boolean' },
    description: text,
    /** Names of files in `templates/groups/` whose parameters follow the template's own. */
    parameterGroups: names,
    parameters: parametersSchema,
    /** Beam YAML whose texts are expressions over the parameters. */
    pipeline: { type: 'object' },
    /** Names of the parameters that hold the user's own pipeline, instead of `pipeline`. */
    pipelineFrom: {
      type: 'object',
      additionalProperties: false,
      required: ['text', 'file', 'variables'],
      properties: { text, file: text, variables: text },
    },
    tests: { type: 'array', items: testSchema },
  },
} as const;

/** A file of `templates/groups/`: parameters that several templates share. */
export const groupSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['properties'],
  properties: { properties, dependentRequired, allOf },
} as const;

export type ParameterSchema = FromSchema<typeof parameterSchema>;
export type ParametersSchema = FromSchema<typeof parametersSchema>;
export type TemplateFile = FromSchema<typeof templateSchema>;
export type TemplateTest = FromSchema<typeof testSchema>;
export type ParameterGroup = FromSchema<typeof groupSchema>;
export type Condition = FromSchema<typeof condition>;
