/** Every parameter kind, and which one a parameter is. */
import type { ParameterSchema } from '../meta-schema.ts';
import { bigqueryTable } from './bigquery-table.ts';
import { boolean } from './boolean.ts';
import { dayPattern, hourPattern, minutePattern, monthPattern, yearPattern } from './date-pattern.ts';
import { duration } from './duration.ts';
import { enumeration } from './enumeration.ts';
import { fileName } from './file-name.ts';
import { gcsReadFile } from './gcs-read-file.ts';
import { gcsReadFolder } from './gcs-read-folder.ts';
import { gcsWriteFile } from './gcs-write-file.ts';
import { gcsWriteFolder } from './gcs-write-folder.ts';
import { integer } from './integer.ts';
import { javascriptFunction } from './javascript-function.ts';
import { javascriptUdf } from './javascript-udf.ts';
import { jsonObject } from './json-object.ts';
import { kafkaReadTopic, kafkaServers, kafkaTopic, kafkaTopics, kafkaWriteTopic } from './kafka.ts';
import type { Kind } from './kind.ts';
import { longText } from './long-text.ts';
import { number } from './number.ts';
import { pubsubSubscription } from './pubsub-subscription.ts';
import { pubsubTopic } from './pubsub-topic.ts';
import { regularExpression } from './regular-expression.ts';
import { secret } from './secret.ts';
import { shardTemplate } from './shard-template.ts';
import { text } from './text.ts';

export type { Kind, Widget } from './kind.ts';

/** The kinds by name, in alphabetical order. */
export const kinds: ReadonlyMap<string, Kind> = new Map(
  [
    bigqueryTable,
    boolean,
    dayPattern,
    duration,
    enumeration,
    fileName,
    gcsReadFile,
    gcsReadFolder,
    gcsWriteFile,
    gcsWriteFolder,
    hourPattern,
    integer,
    javascriptFunction,
    javascriptUdf,
    jsonObject,
    kafkaReadTopic,
    kafkaServers,
    kafkaTopic,
    kafkaTopics,
    kafkaWriteTopic,
    longText,
    minutePattern,
    monthPattern,
    number,
    pubsubSubscription,
    pubsubTopic,
    regularExpression,
    secret,
    shardTemplate,
    text,
    yearPattern,
  ].map(kind => [kind.name, kind]),
);

/** The kind of a parameter: its `format`, else `enum`, else its `type`. */
export function kindOf(schema: ParameterSchema): Kind {
  return kinds.get(schema.format ?? (schema.enum ? 'enum' : schema.type)) ?? text;
}
