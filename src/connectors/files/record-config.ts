/** What the sinks of record files have in common: their config, their schema and the names of their files. */
import { readTextFile } from '../../cloud/storage.ts';
import type { Reach, StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { type RecordSchema, readRecordSchema } from '../../formats/record-schema.ts';
import { checkPatterns, DEFAULT_PATTERNS, type Naming, outputFolder, patternsOf } from './file-naming.ts';
import { type MessageRecord, messageRecords } from './message-records.ts';

const pattern = (field: string, standard: string) =>
  ({
    type: 'string',
    default: standard,
    description: `Stands for the ${field} of a window's end in the folders of \`path\`.`,
  }) as const;

export const recordProperties = {
  path: { type: 'string', minLength: 1, description: 'Folder and beginning of the file names.' },
  schema: {
    anyOf: [{ type: 'string', minLength: 1 }, { type: 'object' }, { type: 'array' }],
    description:
      "Avro's schema of a record, or BigQuery's list of fields, or the path of a file that holds one of them. Default: what the rows tell.",
  },
  record: {
    enum: ['row', ...messageRecords],
    default: 'row',
    description:
      "What becomes of an element: `row`: its fields are those of the record; `pubsub_message`: Google's `AvroPubsubMessageRecord` (`message` as bytes, `attributes`, `timestamp` in ms); `kafka_record`: Google's `GenericKafkaRecord` (`message` as text, `attributes` with the headers and the `key`, `timestamp` in ms).",
  },
  num_shards: {
    type: 'integer',
    minimum: 0,
    maximum: 1000,
    default: 0,
    description: 'Files a window is spread over; 0: one a worker.',
  },
  shard_template: { type: 'string', description: 'As that of WriteToText.' },
  year_pattern: pattern('year', DEFAULT_PATTERNS.year),
  month_pattern: pattern('month', DEFAULT_PATTERNS.month),
  day_pattern: pattern('day', DEFAULT_PATTERNS.day),
  hour_pattern: pattern('hour', DEFAULT_PATTERNS.hour),
  minute_pattern: pattern('minute', DEFAULT_PATTERNS.minute),
} as const;

export interface RecordConfig {
  path: string;
  schema?: unknown;
  record?: 'row' | MessageRecord;
  num_shards?: number;
  shard_template?: string;
  year_pattern?: string;
  month_pattern?: string;
  day_pattern?: string;
  hour_pattern?: string;
  minute_pattern?: string;
}

/** What a sink of records reads and writes. */
export const recordReach = (config: RecordConfig): Reach => ({
  reads: [typeof config.schema === 'string' ? config.schema : undefined],
  writes: [outputFolder(config)],
});

/** The names of the files. */
export function namingOf(
  config: RecordConfig,
  suffix: string,
  { windowing: { type } }: StageContext,
): Naming {
  const patterns = patternsOf(config);
  checkPatterns(patterns);
  const standard = type === 'fixed' || type === 'sliding' ? 'W-P-SS-of-NN' : '-SSSSS-of-NNNNN';
  return { prefix: config.path, suffix, shardTemplate: config.shard_template ?? standard, patterns };
}

/** The schema that the config names; undefined: there is none. @throws SluiceError */
export async function schemaOf(
  { schema }: RecordConfig,
  { config, stage }: StageContext,
): Promise<RecordSchema | undefined> {
  if (schema === undefined) return undefined;
  if (typeof schema !== 'string') return readRecordSchema(schema, stage);
  const text = await readTextFile(schema, 'the schema', config);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new SluiceError(
      'SCHEMA_INVALID',
      `${schema}: it is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  return readRecordSchema(json, schema);
}
