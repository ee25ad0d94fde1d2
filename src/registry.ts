/** Every source, transform and sink a pipeline may name, by its `type`. */

import { readFromBigQuery, writeToBigQuery } from './connectors/bigquery/index.ts';
import { writeToElasticsearch } from './connectors/elasticsearch/index.ts';
import {
  compressFiles,
  decompressFiles,
  matchFiles,
  readFromAvro,
  readFromCsv,
  readFromJson,
  readFromParquet,
  readFromText,
  writeToAvro,
  writeToCsv,
  writeToJson,
  writeToParquet,
  writeToText,
} from './connectors/files/index.ts';
import { generateFromSchema } from './connectors/generator/index.ts';
import { readFromKafka, writeToKafka } from './connectors/kafka/index.ts';
import { readFromPubSub, writeToPubSub } from './connectors/pubsub/index.ts';
import { writeToSplunk } from './connectors/splunk/index.ts';
import {
  readFromJdbc,
  readFromMySql,
  readFromPostgres,
  writeToJdbc,
  writeToMySql,
  writeToPostgres,
} from './connectors/sql/index.ts';
import type { Component } from './engine/component.ts';
import { assignTimestamps } from './transforms/assign-timestamps.ts';
import { combine } from './transforms/combine.ts';
import { create } from './transforms/create.ts';
import { encodeDeadLetters } from './transforms/encode-dead-letters.ts';
import { explode } from './transforms/explode.ts';
import { extractWindowingInfo } from './transforms/extract-windowing-info.ts';
import { filter } from './transforms/filter.ts';
import { filterByAttribute } from './transforms/filter-by-attribute.ts';
import { flatten } from './transforms/flatten.ts';
import { javaScriptUdf } from './transforms/javascript-udf.ts';
import { join } from './transforms/join.ts';
import { logForTesting } from './transforms/log-for-testing.ts';
import { makeDocuments } from './transforms/make-documents.ts';
import { mapToFields } from './transforms/map-to-fields.ts';
import { parseAvro } from './transforms/parse-avro.ts';
import { parseCsv } from './transforms/parse-csv.ts';
import { parseJson } from './transforms/parse-json.ts';
import { partition } from './transforms/partition.ts';
import { sql } from './transforms/sql.ts';
import { validateWithSchema } from './transforms/validate-with-schema.ts';
import { windowInto } from './transforms/window-into.ts';

import { wrapMessages } from './transforms/wrap-messages.ts';

const components: Component[] = [
  assignTimestamps,
  combine,
  compressFiles,
  create,
  decompressFiles,
  encodeDeadLetters,
  explode,
  extractWindowingInfo,
  filter,
  filterByAttribute,
  flatten,
  generateFromSchema,
  javaScriptUdf,
  join,
  logForTesting,
  makeDocuments,
  mapToFields,
  matchFiles,
  parseAvro,
  parseCsv,
  parseJson,
  partition,
  readFromAvro,
  readFromBigQuery,
  readFromCsv,
  readFromJson,
  readFromKafka,
  readFromJdbc,
  readFromMySql,
  readFromPostgres,
  readFromParquet,
  readFromPubSub,
  readFromText,
  validateWithSchema,
  sql,
  windowInto,
  writeToAvro,
  writeToBigQuery,
  writeToCsv,
  writeToElasticsearch,
  writeToJdbc,
  writeToJson,
  writeToKafka,
  writeToMySql,
  writeToPostgres,
  writeToParquet,
  writeToPubSub,
  writeToSplunk,
  writeToText,
  wrapMessages,
];

export const registry: ReadonlyMap<string, Component> = new Map(components.map(each => [each.name, each]));
