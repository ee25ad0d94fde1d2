/** Filter: keeps the rows for which an expression holds. */
import { defineTransform, type ElementType } from '../engine/component.ts';
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

export const filter = defineTransform({
  name: 'Filter',
  summary: 'Keeps the rows for which an expression holds.',
  description:
    'In the generic language the result is true or false, and a comparison with null fails the element. In ' +
    'JavaScript what counts as false is what does in Beam: false, 0, null, undefined, an empty text and an empty ' +
    'list. What is not kept is counted as filtered.',
  config: {
    type: 'object',
    required: ['keep'],
    properties: {
      keep: { ...expressionSchema, description: 'What must hold.' },
      language: languageSchema,
    },
  },
  examples: [
    {
      title: 'A comparison of a field',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{id: 1, total: 20}, {id: 2, total: 900}]}
    - type: Filter
      config: {keep: total > 100}
`,
      output: ['{"id":2,"total":900}'],
    },
    {
      title: 'Any condition, in JavaScript',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{name: ada, tags: [x]}, {name: bob, tags: []}]}
    - type: Filter
      config: {language: javascript, keep: name.length === 3 && tags.includes("x")}
`,
      output: ['{"name":"ada","tags":["x"]}'],
    },
  ],
  output(input: ElementType, config) {
    checkValue(expressionOf(config), input);
    return input;
  },
  reach: config => ({ reads: scriptPaths(config) }),
  open: async (config, context) => {
    const isKept = config.language === 'javascript' ? isTruthy : isTrue;
    return openValue(expressionOf(config), context, (batch, values, failures) => {
      const kept: number[] = [];
      let filtered = 0;
      for (const [i, value] of values.entries()) {
        if (value === undefined) continue;
        try {
          if (isKept(value)) kept.push(i);
          else filtered++;
        } catch (fault) {
          failures.note(i, fault);
        }
      }
      const good = kept.length === batch.count ? [batch] : kept.length > 0 ? [selectRows(batch, kept)] : [];
      return { good, filtered, ...failures.outcome(batch) };
    });
  },
});

function expressionOf({ keep, language }: { keep: Written; language: Language }): ValueExpression {
  return { written: keep, language, subject: 'keep', allowsComparison: true };
}

function isTrue(value: RowValue): boolean {
  if (typeof value === 'boolean') return value;
  const shown = value === null ? 'null' : typeof value === 'string' ? 'text' : `a ${typeof value}`;
  throw new ElementFault('EXPRESSION_FAILED', `keep: the result is ${shown}, neither true nor false`);
}

/** Beam asks Python. */
function isTruthy(value: RowValue): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== false && value !== '' && value !== 0 && value !== 0n;
}
