/** Join: rows of several inputs whose fields are equal, side by side. */
import type { Batch } from '../engine/batch.ts';
import { defineTransform, type Outcome, type StageContext, type Transform } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { rowsOf } from '../formats/rows.ts';
import { checkFields } from './expressions/fields.ts';
import { scriptPaths } from './expressions/language.ts';
import { Emission } from './grouping/emission.ts';
import { planJoin } from './grouping/join-plan.ts';
import { JoinSteps } from './grouping/join-steps.ts';
import { lateOutcome, lateOutputSchema, lateOutputs } from './grouping/late.ts';
import { windowsAt } from './grouping/placement.ts';

const names = { type: 'array', items: { type: 'string' } } as const;
const namesByName = { type: 'object', additionalProperties: { type: 'string' } } as const;

export const join = defineTransform({
  name: 'Join',
  summary: 'Joins rows of two to eight inputs on equal fields.',
  description:
    'The inputs have names: `input: {orders: Orders, users: Users}`. They are joined from left to right, window by ' +
    'window. Null equals nothing. Without `fields` a row has the fields of all inputs, and a name that is taken gets ' +
    'a number: `id`, `id0`. What an outer join has nothing for is null. A window is joined once, when it is over and ' +
    'its allowed lateness has passed. The state spills to disk; the rows of a window that have one key must fit ' +
    'into the memory.',
  config: {
    type: 'object',
    required: ['equalities'],
    properties: {
      equalities: {
        anyOf: [
          { type: 'string' },
          { type: 'array', minItems: 1, items: { ...namesByName, minProperties: 2 } },
        ],
        description:
          'What must be equal: the name of a field that all inputs have, or a list of mappings such as ' +
          '`{orders: user_id, users: id}`, all of which must hold.',
      },
      type: {
        anyOf: [
          { enum: ['inner', 'left', 'right', 'outer'] },
          { type: 'object', required: ['outer'], additionalProperties: false, properties: { outer: names } },
        ],
        default: 'inner',
        description:
          '`left` and `right` keep the rows of that side which have no partner, `outer` those of both; ' +
          '`{outer: [NAME]}` keeps those of the inputs named, at the joins with their neighbours.',
      },
      fields: {
        type: 'object',
        additionalProperties: { anyOf: [names, namesByName] },
        description:
          'The fields of each input that the rows have: a list, or `{new_name: field}`. Of inputs that are not ' +
          'named all fields are there, after the others.',
      },
      late_output: lateOutputSchema,
    },
  },
  examples: [
    {
      title: 'Orders with the names of their users',
      yaml: `
pipeline:
  transforms:
    - type: Create
      name: Orders
      config: {elements: [{order: 1, user: a}, {order: 2, user: b}, {order: 3, user: a}]}
    - type: Create
      name: Users
      config: {elements: [{id: a, name: ada}, {id: c, name: cyd}]}
    - type: Join
      input: {orders: Orders, users: Users}
      config:
        equalities: [{orders: user, users: id}]
        fields: {orders: [order], users: {customer: name}}
`,
      output: ['{"order":1,"customer":"ada"}', '{"order":3,"customer":"ada"}'],
    },
    {
      title: 'What has no partner, too',
      yaml: `
pipeline:
  transforms:
    - type: Create
      name: A
      config: {elements: [{id: 1, a: x}, {id: 2, a: y}]}
    - type: Create
      name: B
      config: {elements: [{id: 2, b: z}]}
    - type: Join
      input: {a: A, b: B}
      config: {type: left, equalities: id}
`,
      output: ['{"id":1,"a":"x","id0":null,"b":null}', '{"id":2,"a":"y","id0":2,"b":"z"}'],
    },
  ],
  whole: true,
  inputs: 'named',
  output(_input, config, inputs) {
    const plan = planJoin(
      config,
      inputs.map(({ name = '' }) => name),
    );
    for (const { right, equalities } of plan.steps) {
      for (const { left, right: field } of equalities) {
        checkInput(left.input, left.field);
        checkInput(right, field);
      }
    }
    for (const { input, fields = [] } of plan.outputs)
      for (const [, field] of fields) checkInput(input, field);
    return { form: 'row' };

    function checkInput(index: number, field: string): void {
      const { name = '', type } = inputs[index] ?? {};
      if (type) checkFields([field], type, name);
    }
  },
  outputs: lateOutputs,
  state: ({ equalities, type }) => ({ equalities, type }),
  reach: config => ({ reads: scriptPaths(config) }),
  open: async (config, context) => openJoin(config, context),
});

function openJoin(
  config: Parameters<typeof planJoin>[0] & { late_output?: string },
  context: StageContext,
): Transform {
  const { inputs, windowing, stage } = context;
  if (windowing.type === 'sessions' && inputs.length > 2)
    throw new SluiceError('PIPELINE_INVALID', `${stage}: within sessions two inputs can be joined, not more`);
  const plan = planJoin(
    config,
    inputs.map(({ name = '' }) => name),
  );
  const steps = new JoinSteps(plan, context);

  function process(batch: Batch, input = 0): Outcome {
    const type = inputs[input]?.type ?? { form: 'row' as const };
    const rows = rowsOf(batch, type);
    const late: number[] = [];
    for (const [i, row] of rows.entries()) {
      const windows = windowsAt(batch, i, windowing);
      if (windows.every(window => steps.isLate(window))) late.push(i);
      else for (const window of windows) if (!steps.isLate(window)) steps.add(window, input, row);
    }
    const merged = batch.count - late.length;
    return { good: [], merged, ...lateOutcome(batch, late, type, config.late_output) };
  }

  return {
    process,
    async *advance(watermark) {
      const emission = new Emission(windowing);
      for (const { window, row } of steps.advance(watermark)) {
        const full = emission.add(row, window);
        if (full) yield full;
      }
      const rest = emission.rest();
      if (rest) yield rest;
    },
    snapshot: () => steps.snapshot(),
    commit: () => steps.commit(),
    close: ended => steps.close(ended),
  };
}
