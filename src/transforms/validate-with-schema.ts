/** ValidateWithSchema: passes the rows that have the form a JSON Schema asks for. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { defineTransform, type ElementType } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { type Row, type RowValue, rowsOf, selectRows } from '../formats/rows.ts';
import { Failures } from './expressions/failures.ts';
import { ElementFault } from './expressions/fault.ts';

/** Of one row so many faults are told. */
const MAX_FAULTS = 5;

export const validateWithSchema = defineTransform({
  name: 'ValidateWithSchema',
  summary: 'Passes the rows that a JSON Schema allows, and fails the others.',
  description:
    'The schema is of draft 2020-12. As in Beam a field that is null counts as absent. The message of a failed ' +
    'element names each field at fault, five at most.',
  config: {
    type: 'object',
    required: ['schema'],
    properties: {
      schema: { type: 'object', additionalProperties: true, description: 'The JSON Schema of a row.' },
    },
  },
  examples: [
    {
      title: 'Rows of the wrong form go to the error output',
      yaml: `
pipeline:
  transforms:
    - type: Create
      config: {elements: [{name: ada, age: 36}, {name: bob, age: old}]}
    - type: ValidateWithSchema
      input: Create
      config:
        schema: {type: object, properties: {name: {type: string}, age: {type: integer}}, required: [name, age]}
        error_handling: {output: invalid}
    - type: LogForTesting
      name: Invalid
      input: ValidateWithSchema.invalid
      config: {level: WARNING}
    - type: MapToFields
      input: Invalid
      config: {fields: {why: msg}}
    - type: LogForTesting
      name: Valid
      input: ValidateWithSchema
`,
      output: ['{"name":"ada","age":36}', '{"why":"age must be integer"}'],
    },
  ],
  output(input: ElementType, { schema }) {
    compile(schema);
    return input;
  },
  open: async ({ schema }, { stage, input = { form: 'row' } }) => {
    const validate = compile(schema);
    return {
      process(batch) {
        const failures = new Failures(stage);
        const good: number[] = [];
        for (const [i, row] of rowsOf(batch, input).entries()) {
          if (validate(checkable(row))) good.push(i);
          else failures.note(i, new ElementFault('SCHEMA_VIOLATED', describe(validate.errors ?? [])));
        }
        const kept = good.length === batch.count ? [batch] : good.length > 0 ? [selectRows(batch, good)] : [];
        return { good: kept, ...failures.outcome(batch) };
      },
    };
  },
});

function compile(schema: object): ValidateFunction {
  try {
    return new Ajv2020({ allErrors: true, strict: false, validateFormats: false }).compile(schema);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SluiceError('PIPELINE_INVALID', `the schema is no JSON Schema: ${why}`, { cause: error });
  }
}

/** The row as a schema sees it: without fields that are null, and with integers beyond 2^53 as numbers. */
function checkable(row: Row): Row {
  const seen: Row = {};
  for (const [name, value] of Object.entries(row))
    if (value !== null) Object.defineProperty(seen, name, { value: plain(value), enumerable: true });
  return seen;
}

function plain(value: RowValue): RowValue {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map(plain) : checkable(value);
}

function describe(errors: readonly ErrorObject[]): string {
  const faults = errors.map(({ instancePath, message, params }) => {
    const path = instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
    const unknown = typeof params.additionalProperty === 'string' ? ` (${params.additionalProperty})` : '';
    return `${path || 'the row'} ${message}${unknown}`;
  });
  const shown = [...new Set(faults)].slice(0, MAX_FAULTS).join('; ');
  return faults.length > MAX_FAULTS ? `${shown}; and more` : shown;
}
