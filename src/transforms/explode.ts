/** Explode: a row for each value of a list. */
import { type Batch, columnsAt } from '../engine/batch.ts';
import { defineTransform, type Outcome } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { type Row, type RowValue, rowBatch, rowsOf } from '../formats/rows.ts';
import { Failures } from './expressions/failures.ts';
import { ElementFault } from './expressions/fault.ts';
import { checkFieldNames, checkFields, fieldsOf, missingFieldWarning, rowOf } from './expressions/fields.ts';

/** A batch of output is closed beyond so many rows: one row may become a great many. */
const BATCH_ROWS = 4096;
/** One row that becomes more than this has failed. */
const MAX_ROWS = 1_000_000;

export const explode = defineTransform({
  name: 'Explode',
  summary: 'Gives a row for each value of a list.',
  description:
    'Of several fields `cross_product` says whether every value of one meets every value of the others, or the ' +
    'first meets the first; then shorter lists are filled up with null. An empty list gives no row, text is taken ' +
    'for its characters and a mapping for its keys, anything else fails the element. Other fields stay as they are.',
  config: {
    type: 'object',
    required: ['fields'],
    properties: {
      fields: {
        anyOf: [{ type: 'string' }, { type: 'array', minItems: 1, items: { type: 'string' } }],
        description: 'The fields that hold lists.',
      },
      cross_product: {
        type: 'boolean',
        description: 'Every value with every other, or side by side; must be said for several fields.',
      },
    },
  },
  examples: [
    {
      title: 'A row for each tag',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{id: 1, tags: [red, blue]}, {id: 2, tags: []}]}
    - type: Explode
      config: {fields: tags}
`,
      output: ['{"id":1,"tags":"red"}', '{"id":1,"tags":"blue"}'],
    },
    {
      title: 'Two lists side by side',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{item: [a, b, c], count: [1, 2]}]}
    - type: Explode
      config: {fields: [item, count], cross_product: false}
`,
      output: ['{"item":"a","count":1}', '{"item":"b","count":2}', '{"item":"c","count":null}'],
    },
  ],
  output(input, { fields, cross_product: crossed }) {
    const names = [fields].flat();
    if (names.length > 1 && crossed === undefined)
      throw new SluiceError(
        'PIPELINE_INVALID',
        'several fields are exploded: say cross_product: true or false',
      );
    checkFieldNames(names);
    checkFields(names, input, 'fields');
    return rowOf(fieldsOf(input));
  },
  open: async ({ fields, cross_product: crossed = true }, context) => {
    const { stage, input = { form: 'row' } } = context;
    const names = [...new Set([fields].flat())];
    const warn = missingFieldWarning(names, context);
    return {
      process(batch) {
        const rows = rowsOf(batch, input);
        warn(rows);
        return explodeAll(batch, rows, row => (crossed ? cross(row, names) : zip(row, names)), stage);
      },
    };
  },
});

function explodeAll(
  batch: Batch,
  rows: readonly Row[],
  explodeOne: (row: Row) => Row[],
  stage: string,
): Outcome {
  const failures = new Failures(stage);
  const good: Batch[] = [];
  let made: Row[] = [];
  let indices: number[] = [];
  let created = 0;
  let filtered = 0;
  const close = () => {
    if (made.length > 0) good.push(rowBatch(made, columnsAt(indices, batch)));
    made = [];
    indices = [];
  };
  for (const [i, row] of rows.entries()) {
    try {
      const several = explodeOne(row);
      if (several.length === 0) filtered++;
      else created += several.length - 1;
      for (const each of several) {
        made.push(each);
        indices.push(i);
        if (made.length >= BATCH_ROWS) close();
      }
    } catch (fault) {
      failures.note(i, fault);
    }
  }
  close();
  return { good, created, filtered, ...failures.outcome(batch) };
}

function cross(row: Row, names: readonly string[]): Row[] {
  let rows = [row];
  for (const name of names) {
    // As in Beam, nobody looks at the fields behind an empty list.
    if (rows.length === 0) return rows;
    const values = valuesOf(row, name);
    checkNumber(names, rows.length * values.length);
    rows = rows.flatMap(each => values.map(value => ({ ...each, [name]: value })));
  }
  return rows;
}

function zip(row: Row, names: readonly string[]): Row[] {
  const lists = names.map(name => valuesOf(row, name));
  const length = Math.max(...lists.map(list => list.length));
  checkNumber(names, length);
  return Array.from({ length }, (_, at) => {
    const values = names.map((name, i) => [name, lists[i]?.[at] ?? null]);
    return { ...row, ...Object.fromEntries(values) };
  });
}

function valuesOf(row: Row, name: string): RowValue[] {
  const value = Object.hasOwn(row, name) ? row[name] : null;
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [...value];
  if (typeof value === 'object' && value !== null) return Object.keys(value);
  throw new ElementFault('NOT_A_LIST', `${name} holds ${JSON.stringify(value, plain)}, which is no list`);
}

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

function checkNumber(names: readonly string[], count: number): void {
  if (count > MAX_ROWS)
    throw new ElementFault(
      'TOO_MANY_ROWS',
      `${names.join(' and ')} would give ${count} rows, more than the ${MAX_ROWS} that one may`,
    );
}
