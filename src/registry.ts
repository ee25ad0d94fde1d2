/** Every source, transform and sink a pipeline may name, by its `type`. */

import { writeToBigQuery } from './connectors/bigquery/index.ts';
import { readFromJson, readFromText, writeToJson, writeToText } from './connectors/files/index.ts';
import { generateFromSchema } from './connectors/generator/index.ts';
import { readFromPubSub, writeToPubSub } from './connectors/pubsub/index.ts';
import type { Component } from './engine/component.ts';
import { create } from './transforms/create.ts';
import { encodeDeadLetters } from './transforms/encode-dead-letters.ts';
import { filterByAttribute } from './transforms/filter-by-attribute.ts';
import { flatten } from './transforms/flatten.ts';
import { javaScriptUdf } from './transforms/javascript-udf.ts';
import { logForTesting } from './transforms/log-for-testing.ts';
import { parseJson } from './transforms/parse-json.ts';
import { windowInto } from './transforms/window-into.ts';

const components: Component[] = [
  create,
  encodeDeadLetters,
  filterByAttribute,
  flatten,
  generateFromSchema,
  javaScriptUdf,
  logForTesting,
  parseJson,
  readFromJson,
  readFromPubSub,
  readFromText,
  windowInto,
  writeToBigQuery,
  writeToJson,
  writeToPubSub,
  writeToText,
];

export const registry: ReadonlyMap<string, Component> = new Map(components.map(each => [each.name, each]));
