/** Partition: sends each row to one of several outputs. */
import type { Batch } from '../engine/batch.ts';
import { defineTransform, type ElementType, outputKey } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { type RowValue, selectRows } from '../formats/rows.ts';
import { ElementFault } from './expressions/fault.ts';
import {
  expressionSchema,
  type Language,
  languageSchema,
  scriptPaths,
  type Written,
} from './expressions/language.ts';
import { checkValue, openValue, type ValueExpression } from './expressions/value.ts';

/** What names the good output elsewhere, and what no object may have as a key of its own. */
const RESERVED = new Set(Object.getOwnPropertyNames(Object.prototype));

export const partition = defineTransform({
  name: 'Partition',
  summary: 'Sends each row to one of several outputs.',
  description:
    'The value of `by` is the name of the output. Null, and a name that is not among the outputs, goes to ' +
    '`unknown_output`; without it the element fails. The outputs are read as `Partition.name`; one that nobody ' +
    'reads is dropped.',
  config: {
    type: 'object',
    required: ['by', 'outputs'],
    properties: {
      by: { ...expressionSchema, description: 'The name of the output: no comparison.' },
      outputs: {
        type: 'array',
        minItems: 1,
        maxItems: 1000,
        uniqueItems: true,
        items: { type: 'string', minLength: 1, pattern: '^[^.]+$' },
        description: 'Their names.',
      },
      unknown_output: {
        type: 'string',
        minLength: 1,
        pattern: '^[^.]+$',
        description: 'Where all others go.',
      },
      language: languageSchema,
    },
  },
  examples: [
    {
      title: 'By the value of a field',
      yaml: `
pipeline:
  transforms:
    - type: Create
      config: {elements: [{id: 1, kind: big}, {id: 2, kind: small}, {id: 3, kind: odd}]}
    - type: Partition
      input: Create
      config: {by: kind, outputs: [big, small], unknown_output: other}
    - type: LogForTesting
      input: [Partition.big, Partition.other]
`,
      output: ['{"id":1,"kind":"big"}', '{"id":3,"kind":"odd"}'],
    },
    {
      title: 'By an expression',
      yaml: `
pipeline:
  transforms:
    - type: Create
      config: {elements: [{total: 5}, {total: 500}]}
    - type: Partition
      input: Create
      config:
        by: "total > 100 ? 'large' : 'small'"
        outputs: [large, small]
        language: javascript
    - type: LogForTesting
      input: Partition.large
`,
      output: ['{"total":500}'],
    },
  ],
  output(input: ElementType, config) {
    const wrong = namesOf(config).find(name => RESERVED.has(name));
    if (wrong !== undefined)
      throw new SluiceError('PIPELINE_INVALID', `${wrong} cannot be the name of an output`);
    checkValue(expressionOf(config), input);
    return input;
  },
  outputs: namesOf,
  reach: config => ({ reads: scriptPaths(config) }),
  open: async (config, context) => {
    const names = new Set(namesOf(config));
    const { unknown_output: unknown } = config;
    return openValue(expressionOf(config), context, (batch, values, failures) => {
      const parts = new Map<string, number[]>();
      for (const [i, value] of values.entries()) {
        if (value === undefined) continue;
        try {
          const name = chosen(value, names, unknown);
          const part = parts.get(name);
          if (part) part.push(i);
          else parts.set(name, [i]);
        } catch (fault) {
          failures.note(i, fault);
        }
      }
      const { good = [], ...named } = Object.fromEntries(
        [...parts].map(([name, indices]) => [outputKey(name), [taken(batch, indices)]]),
      );
      return { good, named, ...failures.outcome(batch) };
    });
  },
});

const taken = (batch: Batch, indices: number[]): Batch =>
  indices.length === batch.count ? batch : selectRows(batch, indices);

interface Config {
  by: Written;
  outputs: readonly string[];
  unknown_output?: string;
  language: Language;
}

function namesOf({ outputs, unknown_output: unknown }: Pick<Config, 'outputs' | 'unknown_output'>): string[] {
  return [...new Set([...outputs, ...(unknown === undefined ? [] : [unknown])])];
}

const expressionOf = ({ by, language }: Config): ValueExpression => ({
  written: by,
  language,
  subject: 'by',
  allowsComparison: false,
});

function chosen(value: RowValue, names: ReadonlySet<string>, unknown: string | undefined): string {
  if (value === null && unknown !== undefined) return unknown;
  if (typeof value !== 'string')
    throw new ElementFault(
      'OUTPUT_UNKNOWN',
      `by: ${shown(value)} is not the name of an output, which is text`,
    );
  if (names.has(value)) return value;
  if (unknown !== undefined) return unknown;
  const all = [...names].slice(0, 20).join(', ');
  throw new ElementFault('OUTPUT_UNKNOWN', `by: ${shown(value)} is not among the outputs: there is ${all}`);
}

function shown(value: RowValue): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a mapping';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value);
}
