/** Combine: rows that share fields, made one by what their values come to. */
import type { Batch } from '../engine/batch.ts';
import {
  defineTransform,
  type ElementType,
  type Outcome,
  type StageContext,
  type Transform,
} from '../engine/component.ts';
import type { Window } from '../engine/time.ts';
import { SluiceError } from '../errors.ts';
import type { Row, RowValue } from '../formats/rows.ts';
import { Failures } from './expressions/failures.ts';
import { ElementFault } from './expressions/fault.ts';
import { checkFieldNames, checkFields } from './expressions/fields.ts';
import { compileGeneric } from './expressions/generic.ts';
import { checkJavaScript } from './expressions/javascript.ts';
import {
  expressionSchema,
  genericText,
  javaScriptForm,
  type Language,
  languageSchema,
  scriptPaths,
  type Written,
} from './expressions/language.ts';
import { type Accumulator, accumulators } from './grouping/accumulators.ts';
import { Emission } from './grouping/emission.ts';
import { Grouping } from './grouping/grouping.ts';
import { keyOf, keyValues } from './grouping/keys.ts';
import { lateOutcome, lateOutputSchema, lateOutputs } from './grouping/late.ts';
import { windowsAt } from './grouping/placement.ts';
import { openProjection } from './grouping/projection.ts';

const NAMES = Object.keys(accumulators);

export const combine = defineTransform({
  name: 'Combine',
  summary: 'Groups rows by fields, and combines the values of each group.',
  description:
    'A row for each group: first the fields of `group_by`, then those of `combine`. Groups are kept apart by window, ' +
    'and come out when it is over: at the end of the input, where there are no windows; then the event time is that ' +
    'of the last moment of the window. Within its allowed lateness a window gives an amended row for each group that ' +
    'a late element changes; what comes later is filtered, or goes to `late_output`. `count` counts nulls; `sum` and ' +
    '`mean` take numbers, of any size and in any order without rounding on the way; `min` and `max` take what has an ' +
    'order; `any` and `all` take anything; `group` gives a list of the values and `concat` joins lists. Without any ' +
    'input there is no row. The state spills to disk, so that the number of groups is not bounded by the memory.',
  config: {
    type: 'object',
    required: ['group_by', 'combine'],
    properties: {
      group_by: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, uniqueItems: true }],
        description: 'The field, or fields, whose values make a group; [] makes one of everything.',
      },
      combine: {
        type: 'object',
        minProperties: 1,
        description: `The new fields by name: \`{value: EXPRESSION, fn: FUNCTION}\`, or only the function, which then takes the field of that name. Functions: ${NAMES.join(', ')}.`,
        additionalProperties: {
          anyOf: [
            { type: 'string' },
            {
              type: 'object',
              required: ['fn'],
              additionalProperties: false,
              properties: {
                value: expressionSchema,
                fn: {
                  anyOf: [
                    { type: 'string' },
                    {
                      type: 'object',
                      required: ['type'],
                      additionalProperties: false,
                      properties: { type: { type: 'string' } },
                    },
                  ],
                },
              },
            },
          ],
        },
      },
      language: languageSchema,
      late_output: lateOutputSchema,
    },
  },
  examples: [
    {
      title: 'Totals of each customer',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config:
        elements:
          - {customer: ada, price: 10}
          - {customer: bob, price: 7}
          - {customer: ada, price: 2.5}
    - type: Combine
      config:
        group_by: customer
        combine:
          orders: {value: price, fn: count}
          total: {value: price, fn: sum}
          price: max
`,
      output: [
        '{"customer":"ada","orders":2,"total":12.5,"price":10}',
        '{"customer":"bob","orders":1,"total":7,"price":7}',
      ],
    },
    {
      title: 'One row of everything, from an expression',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{price: 10, pieces: 3}, {price: 5, pieces: 2}]}
    - type: Combine
      config:
        language: javascript
        group_by: []
        combine:
          turnover: {value: price * pieces, fn: sum}
`,
      output: ['{"turnover":40}'],
    },
  ],
  whole: true,
  output(input: ElementType, config) {
    check(config, input);
    return { form: 'row' };
  },
  outputs: lateOutputs,
  // In a list: the states of a group have no names, only an order.
  state: ({ group_by, combine, language }) => ({ group_by, combine: Object.entries(combine), language }),
  reach: config => ({ reads: scriptPaths(config) }),
  open: openCombine,
});

interface Config {
  group_by: string | string[];
  combine: { [name: string]: string | { value?: Written; fn: string | { type: string } } };
  language: Language;
  late_output?: string;
}

/** `combine` in its full form. */
interface Aggregate {
  name: string;
  value: Written;
  fn: string;
}

function aggregatesOf({ combine }: Config): Aggregate[] {
  return Object.entries(combine).map(([name, written]) => {
    const { value = name, fn } = typeof written === 'string' ? { fn: written } : written;
    return { name, value, fn: typeof fn === 'string' ? fn : fn.type };
  });
}

const groupsOf = ({ group_by: groups }: Config): string[] => [groups].flat();

function check(config: Config, input: ElementType): void {
  const groups = groupsOf(config);
  const aggregates = aggregatesOf(config);
  checkFieldNames([...groups, ...aggregates.map(({ name }) => name)]);
  checkFields(groups, input, 'group_by');
  for (const { name, value, fn } of aggregates) {
    if (groups.includes(name)) refuse(`${name} is a field of group_by already: call the other one otherwise`);
    if (!accumulatorOf(fn)) refuse(`${name}: there is no function ${fn}: there are ${NAMES.join(', ')}`);
    if (config.language === 'javascript') checkJavaScript(javaScriptForm(value, name));
    else checkFields(compileGeneric(genericText(value, name), name, false).fields, input, name);
  }
}

const accumulatorOf = (fn: string): Accumulator | undefined =>
  Object.hasOwn(accumulators, fn) ? accumulators[fn] : undefined;

async function openCombine(config: Config, context: StageContext): Promise<Transform> {
  const { stage, windowing, input = { form: 'row' } } = context;
  const groups = groupsOf(config);
  const aggregates = aggregatesOf(config);
  const functions = aggregates.flatMap(({ fn }) => accumulatorOf(fn) ?? []);
  const grouping = new Grouping({ accumulators: functions, amends: true }, context);
  const projection = await openProjection(
    {
      language: config.language,
      fields: groups,
      values: Object.fromEntries(aggregates.map(({ name, value }) => [name, value])),
    },
    context,
  );
  const values: RowValue[] = [];

  function add(row: Row, windows: readonly Window[]): void {
    projection.read(row, values);
    for (const [i, { refusal }] of functions.entries()) {
      const why = refusal?.(values[i] ?? null);
      if (why !== undefined)
        throw new ElementFault('NOT_COMBINABLE', `${aggregates[i]?.name}: the value ${why}`);
    }
    const key = keyOf(row, groups);
    for (const window of windows) if (!grouping.isLate(window)) grouping.add(window, key, values);
  }

  function outcomeOf(batch: Batch, rows: readonly (Row | undefined)[], failures: Failures): Outcome {
    const late: number[] = [];
    let merged = 0;
    for (const [i, row] of rows.entries()) {
      if (!row) continue;
      try {
        const windows = windowsAt(batch, i, windowing);
        if (windows.every(window => grouping.isLate(window))) late.push(i);
        else {
          add(row, windows);
          merged++;
        }
      } catch (fault) {
        failures.note(i, fault);
      }
    }
    return {
      good: [],
      merged,
      ...failures.outcome(batch),
      ...lateOutcome(batch, late, input, config.late_output),
    };
  }

  function rowOf(key: string, states: readonly (RowValue | undefined)[]): Row {
    const row: Row = {};
    const parts = keyValues(key);
    for (const [i, name] of groups.entries()) row[name] = parts[i] ?? null;
    for (const [i, { name }] of aggregates.entries()) row[name] = functions[i]?.result(states[i]) ?? null;
    return row;
  }

  return {
    async process(batch) {
      const failures = new Failures(stage);
      return outcomeOf(batch, await projection.rowsOf(batch, failures), failures);
    },
    async *advance(watermark) {
      const emission = new Emission(windowing);
      for (const { key, window, states } of grouping.advance(watermark)) {
        const full = emission.add(rowOf(key, states), window);
        if (full) yield full;
      }
      const rest = emission.rest();
      if (rest) yield rest;
    },
    snapshot: () => grouping.snapshot(),
    commit: () => grouping.commit(),
    async close(ended) {
      await projection.close();
      await grouping.close(ended);
    },
  };
}

function refuse(why: string): never {
  throw new SluiceError('PIPELINE_INVALID', why);
}
