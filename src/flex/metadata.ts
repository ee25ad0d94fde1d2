/** What the metadata of a template say, in Dataflow's form. */
import type { FromSchema } from 'json-schema-to-ts';

const text = { type: 'string', maxLength: 100_000 } as const;
const name = { type: 'string', minLength: 1, maxLength: 200 } as const;
const flag = { type: 'boolean' } as const;
const MAX_PARAMETERS = 500;
const MAX_VALUES = 500;

/** The types of parameters, in the order of their numbers. */
export const parameterTypes = [
  'DEFAULT',
  'TEXT',
  'GCS_READ_BUCKET',
  'GCS_WRITE_BUCKET',
  'GCS_READ_FILE',
  'GCS_WRITE_FILE',
  'GCS_READ_FOLDER',
  'GCS_WRITE_FOLDER',
  'PUBSUB_TOPIC',
  'PUBSUB_SUBSCRIPTION',
  'BIGQUERY_TABLE',
  'JAVASCRIPT_UDF_FILE',
  'SERVICE_ACCOUNT',
  'MACHINE_TYPE',
  'KMS_KEY_NAME',
  'WORKER_REGION',
  'WORKER_ZONE',
  'BOOLEAN',
  'ENUM',
  'NUMBER',
  'KAFKA_TOPIC',
  'KAFKA_READ_TOPIC',
  'KAFKA_WRITE_TOPIC',
] as const;

/** Dataflow's TemplateMetadata, as far as its clients would fail on another form. */
export const metadataSchema = {
  type: 'object',
  properties: {
    name: text,
    description: text,
    streaming: flag,
    supportsAtLeastOnce: flag,
    supportsExactlyOnce: flag,
    defaultStreamingMode: text,
    parameters: {
      type: 'array',
      maxItems: MAX_PARAMETERS,
      items: {
        type: 'object',
        required: ['name'],
        properties: {
          name,
          label: text,
          helpText: text,
          isOptional: flag,
          regexes: { type: 'array', maxItems: 20, items: { type: 'string', maxLength: 2000 } },
          // A newer client may know more of them than we do.
          paramType: text,
          customMetadata: { type: 'object', maxProperties: 100, additionalProperties: text },
          groupName: text,
          parentName: text,
          parentTriggerValues: { type: 'array', maxItems: MAX_VALUES, items: text },
          enumOptions: {
            type: 'array',
            maxItems: MAX_VALUES,
            items: {
              type: 'object',
              required: ['value'],
              properties: { value: text, label: text, description: text },
            },
          },
          defaultValue: text,
          hiddenUi: flag,
        },
      },
    },
  },
} as const;

export type Metadata = FromSchema<typeof metadataSchema>;
export type ParameterMetadata = NonNullable<Metadata['parameters']>[number];
