/** Flatten: several inputs into one. */
import { type Batch, columnsAt } from '../engine/batch.ts';
import { defineTransform, type ElementType } from '../engine/component.ts';
import { type Row, rowBatch, rowsOf } from '../formats/rows.ts';

export const flatten = defineTransform({
  name: 'Flatten',
  summary: 'Merges its inputs.',
  description:
    'All inputs hold the same kind of element. A field that only some inputs have is null in the others, where the ' +
    'fields are known before: those of Create and MapToFields are, those of rows that are read are not, and pass as ' +
    'they are. A list as the input of any other transform is merged the same way.',
  config: { type: 'object', properties: {} },
  examples: [
    {
      title: 'Two sources, one stream of rows with the same fields',
      yaml: `
pipeline:
  transforms:
    - type: Create
      name: Small
      config: {elements: [{n: 1}]}
    - type: Create
      name: Big
      config: {elements: [{n: 100, note: big}]}
    - type: Flatten
      input: [Small, Big]
`,
      output: ['{"n":1,"note":null}', '{"n":100,"note":"big"}'],
    },
  ],
  inputs: 'many',
  output: (input, _config, inputs) =>
    input.form === 'row' ? { form: 'row', ...unified(inputs.map(({ type }) => type)) } : input,
  open: async (_config, { inputs }) => {
    const types = inputs.map(({ type }) => type);
    const { fields } = unified(types);
    return {
      process(batch, input = 0) {
        const type = types[input];
        const isWhole = !fields || type?.form !== 'row' || type.fields?.length === fields.length;
        return { good: [isWhole ? batch : withFields(batch, type, fields)] };
      },
    };
  },
});

/** The fields of all inputs together, in the order they are first met; nothing where those of one are not known. */
function unified(types: readonly ElementType[]): { fields?: string[] } {
  const known = types.map(type => (type.form === 'row' ? type.fields : undefined));
  if (known.includes(undefined)) return {};
  return { fields: [...new Set(known.flatMap(fields => fields ?? []))] };
}

function withFields(batch: Batch, type: ElementType, fields: readonly string[]): Batch {
  const rows = rowsOf(batch, type).map((row): Row => {
    const values = fields.map(field => [field, Object.hasOwn(row, field) ? row[field] : null]);
    return Object.fromEntries(values);
  });
  const all = Array.from({ length: batch.count }, (_, i) => i);
  return rowBatch(rows, columnsAt(all, batch));
}
