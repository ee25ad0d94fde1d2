/** The transforms that the cases know: some real ones, and stand-ins for what reads, maps and writes. */
import {
  type Component,
  defineSink,
  defineSource,
  defineTransform,
  type StageContext,
} from '../../src/engine/component.ts';
import { SluiceError } from '../../src/errors.ts';
import { create } from '../../src/transforms/create.ts';
import { encodeDeadLetters } from '../../src/transforms/encode-dead-letters.ts';
import { flatten } from '../../src/transforms/flatten.ts';
import { logForTesting } from '../../src/transforms/log-for-testing.ts';
import { parseJson } from '../../src/transforms/parse-json.ts';
import { windowInto } from '../../src/transforms/window-into.ts';

const notOpened = async (_config: unknown, { stage }: StageContext): Promise<never> => {
  throw new Error(`${stage} is for resolving only`);
};

const readText = defineSource({
  name: 'ReadText',
  summary: 'Reads lines.',
  config: {
    type: 'object',
    required: ['path'],
    properties: {
      path: { type: 'string' },
      field: { type: 'string', default: 'line' },
      limit: { type: 'integer', minimum: 1 },
      encoding: { enum: ['utf8', 'latin1'] },
    },
  },
  examples: [],
  output: ({ field }) => ({ form: 'text', field }),
  open: notOpened,
});

const readQueue = defineSource({
  name: 'ReadQueue',
  summary: 'Reads a topic or a subscription.',
  config: {
    type: 'object',
    oneOf: [{ required: ['topic'] }, { required: ['subscription'] }],
    properties: { topic: { type: 'string' }, subscription: { type: 'string' } },
  },
  examples: [],
  output: () => ({ form: 'text', field: 'payload' }),
  open: notOpened,
});

const map = (name: string) =>
  defineTransform({
    name,
    summary: 'Maps elements.',
    config: {
      type: 'object',
      properties: {
        keep: { type: 'boolean' },
        fields: {
          type: 'object',
          additionalProperties: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
        },
      },
    },
    examples: [],
    output: input => {
      if (input.form !== 'failure') return input;
      throw new SluiceError('PIPELINE_INVALID', `${name} takes text or rows, not failed elements`);
    },
    open: notOpened,
  });

const route = defineTransform({
  name: 'Route',
  summary: 'Sends elements to outputs.',
  config: {
    type: 'object',
    required: ['to'],
    properties: { to: { type: 'array', items: { type: 'string' } } },
  },
  examples: [],
  output: input => input,
  outputs: ({ to }) => [...to],
  open: notOpened,
});

const write = defineSink({
  name: 'Write',
  summary: 'Writes rows or text.',
  config: { type: 'object', properties: { path: { type: 'string' } } },
  examples: [],
  accept: input => {
    if (input.form === 'failure')
      throw new SluiceError(
        'PIPELINE_INVALID',
        'Write takes rows or text: EncodeDeadLetters makes rows of errors',
      );
  },
  open: notOpened,
});

export const registry: ReadonlyMap<string, Component> = new Map(
  [
    create,
    encodeDeadLetters,
    flatten,
    logForTesting,
    parseJson,
    windowInto,
    readText,
    readQueue,
    map('Udf'),
    map('MapToFields'),
    map('Filter'),
    route,
    write,
  ].map(each => [each.name, each]),
);
