/** MapToFields: rows of new fields, each worked out from the fields of the row. */
import { columnsAt } from '../engine/batch.ts';
import { defineTransform, type ElementType, type StageContext, type Transform } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { type Row, rowBatch, rowsOf } from '../formats/rows.ts';
import { Failures } from './expressions/failures.ts';
import { ElementFault } from './expressions/fault.ts';
import { checkFieldNames, checkFields, fieldsOf, missingFieldWarning, rowOf } from './expressions/fields.ts';
import { compileGeneric } from './expressions/generic.ts';
import { checkJavaScript, openJavaScript, plainField } from './expressions/javascript.ts';
import {
  expressionSchema,
  genericText,
  type JavaScriptForm,
  javaScriptForm,
  type Language,
  languageSchema,
  scriptPaths,
  type Written,
} from './expressions/language.ts';
import { asExpressionFailure, asRows } from './expressions/value.ts';

export const mapToFields = defineTransform({
  name: 'MapToFields',
  summary: 'Makes rows of new fields, worked out from those of each row.',
  description:
    'Without `append` the row has the new fields only. With it the fields of the row come first, but for those of ' +
    '`drop`, then the new ones; a field that the row has cannot be added again unless it is dropped. In JavaScript ' +
    'an `expression` sees the fields of the row as variables, a `callable` is a function of the row, and `path` ' +
    'and `name` name a function in a `.js` file; undefined becomes null, and `output_type` fails what is of ' +
    'another type. A field that is taken as it is keeps 64-bit integers exact; JavaScript sees them as doubles.',
  config: {
    type: 'object',
    required: ['fields'],
    properties: {
      fields: {
        type: 'object',
        additionalProperties: expressionSchema,
        description:
          'The new fields by name: an expression each, or a mapping with `expression`, `callable`, or `path` and ' +
          '`name`, and `output_type`: `string`, `integer`, `number` or `boolean`.',
      },
      append: { type: 'boolean', default: false, description: 'Keep the fields of the row.' },
      drop: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
        description: 'Fields of the row that are not kept; needs `append`.',
      },
      language: languageSchema,
    },
  },
  examples: [
    {
      title: 'Fields, literals and comparisons need no language',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{id: 1, total: 20}, {id: 2, total: 900}]}
    - type: MapToFields
      config:
        fields:
          order: id
          large: total > 100
          currency: '"EUR"'
`,
      output: ['{"order":1,"large":false,"currency":"EUR"}', '{"order":2,"large":true,"currency":"EUR"}'],
    },
    {
      title: 'Computed fields beside those that are there',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{price: 10, count: 3, note: x}]}
    - type: MapToFields
      config:
        language: javascript
        append: true
        drop: note
        fields:
          total: price * count
          label:
            callable: |
              function label(row) {
                return row.count + ' pieces';
              }
          discount:
            expression: "count > 2 ? price / 10 : null"
            output_type: number
`,
      output: ['{"price":10,"count":3,"total":30,"label":"3 pieces","discount":1}'],
    },
  ],
  output(input: ElementType, config) {
    const { fields, append, language } = config;
    const drop = dropped(config);
    checkFieldNames(Object.keys(fields));
    if (drop.length > 0 && !append) refuse('drop needs append: true, since only then fields are kept');
    checkFields(drop, input, 'drop');
    const known = fieldsOf(input);
    const again = known?.find(name => append && !drop.includes(name) && Object.hasOwn(fields, name));
    if (again !== undefined) refuse(`the input has a field ${again} already: drop it too, to define it anew`);
    if (Object.keys(fields).length === 0 && !append) refuse('fields names no field');
    if (language === 'generic')
      for (const [name, written] of Object.entries(fields))
        checkFields(compileGeneric(genericText(written, name), name, true).fields, input, name);
    else for (const form of formsOf(fields)) checkForm(form, input);
    const kept = append ? known?.filter(name => !drop.includes(name)) : [];
    return rowOf(kept && [...kept, ...Object.keys(fields)]);
  },
  reach: config => ({ reads: scriptPaths(config) }),
  open: (config, context) =>
    isScripted(config) ? openScripted(config, context) : openPlain(config, context),
});

interface Config {
  fields: { [name: string]: Written };
  append: boolean;
  drop?: string | string[];
  language: Language;
}

const dropped = ({ drop = [] }: Pick<Config, 'drop'>): string[] => [drop].flat();

const formsOf = (fields: Config['fields']): JavaScriptForm[] =>
  Object.entries(fields).map(([name, written]) => javaScriptForm(written, name));

/** Fields that are only taken need no sandbox, whatever the language. */
const isScripted = ({ language, fields }: Config): boolean =>
  language === 'javascript' && formsOf(fields).some(form => plainField(form) === undefined);

function checkForm(form: JavaScriptForm, input: ElementType): void {
  const field = plainField(form);
  if (field === undefined) checkJavaScript(form);
  else checkFields([field], input, form.subject);
}

function refuse(why: string): never {
  throw new SluiceError('PIPELINE_INVALID', why);
}

/** The generic language: the row is made here. */
async function openPlain(config: Config, context: StageContext): Promise<Transform> {
  const { stage, input = { form: 'row' } } = context;
  const compiled = Object.entries(config.fields).map(
    ([name, written]) => [name, compileGeneric(textOf(written, name, config.language), name, true)] as const,
  );
  const drop = new Set(dropped(config));
  const warn = missingFieldWarning([...compiled.flatMap(([, { fields }]) => fields), ...drop], context);

  function mapped(row: Row): Row {
    const made: Row = config.append ? kept(row) : {};
    for (const [name, { evaluate }] of compiled) {
      try {
        made[name] = evaluate(row);
      } catch (fault) {
        if (fault instanceof ElementFault) fault.message = `${name}: ${fault.message}`;
        throw fault;
      }
    }
    return made;
  }

  function kept(row: Row): Row {
    const made: Row = drop.size === 0 ? { ...row } : without(row, drop);
    for (const [name] of compiled)
      if (Object.hasOwn(made, name))
        throw new ElementFault(
          'FIELD_EXISTS',
          `${name}: the row has this field already: append redefines no field, drop it too`,
        );
    return made;
  }

  return {
    process(batch) {
      const failures = new Failures(stage);
      const rows = rowsOf(batch, input);
      warn(rows);
      const made: Row[] = [];
      const indices: number[] = [];
      for (let i = 0; i < rows.length; i++) {
        try {
          made.push(mapped(rows[i] ?? {}));
          indices.push(i);
        } catch (fault) {
          failures.note(i, fault);
        }
      }
      const good = made.length > 0 ? [rowBatch(made, columnsAt(indices, batch))] : [];
      return { good, ...failures.outcome(batch) };
    },
  };
}

function textOf(written: Written, name: string, language: Language): string | number {
  return (
    (language === 'javascript' && plainField(javaScriptForm(written, name))) || genericText(written, name)
  );
}

/** A field of the row may have any name, also that which would set the prototype. */
function without(row: Row, drop: ReadonlySet<string>): Row {
  const made: Row = {};
  for (const [name, value] of Object.entries(row)) {
    if (drop.has(name)) continue;
    if (name !== '__proto__') made[name] = value;
    else Object.defineProperty(made, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return made;
}

/** JavaScript: the row is made in the sandbox, and its text passes through here as it is. */
async function openScripted(config: Config, context: StageContext): Promise<Transform> {
  const { input = { form: 'row' } } = context;
  const calls: JavaScriptForm[] = [];
  const fields = formsOf(config.fields).map(form => {
    const { subject: name } = form;
    const field = plainField(form);
    return field === undefined ? { name, call: calls.push(form) - 1 } : { name, field };
  });
  const pool = await openJavaScript(calls, context, { append: config.append, drop: dropped(config), fields });
  return {
    concurrency: pool.concurrency,
    async process(batch) {
      const { failed, ...outcome } = await pool.run(asRows(batch, input));
      if (!failed) return outcome;
      return { ...outcome, failed: { ...failed, failures: failed.failures?.map(asExpressionFailure) } };
    },
    close: () => pool.close(),
  };
}
