/** The values that a grouping takes of each element: fields as they are, and expressions of either language. */
import type { Batch } from '../../engine/batch.ts';
import type { StageContext } from '../../engine/component.ts';
import { type Row, type RowValue, rowsOf } from '../../formats/rows.ts';
import type { Failures } from '../expressions/failures.ts';
import { missingFieldWarning } from '../expressions/fields.ts';
import { compileGeneric } from '../expressions/generic.ts';
import { type JavaScriptForm, openJavaScript, plainField } from '../expressions/javascript.ts';
import { genericText, javaScriptForm, type Language, type Written } from '../expressions/language.ts';
import { asExpressionFailure, asRows } from '../expressions/value.ts';

export interface Projection {
  /** A row for each element, undefined for those that failed, which is noted. */
  rowsOf(
    batch: Batch,
    failures: Failures,
  ): readonly (Row | undefined)[] | Promise<readonly (Row | undefined)[]>;
  /** The values of the expressions in such a row, written into `values`. */
  read(row: Row, values: RowValue[]): void;
  close(): Promise<void>;
}

export interface ProjectionSettings {
  language: Language;
  /** Fields that stay what they are. */
  fields: readonly string[];
  /** Expressions by name. */
  values: Readonly<Record<string, Written>>;
}

/** Opens the sandbox where an expression needs it. */
export async function openProjection(
  settings: ProjectionSettings,
  context: StageContext,
): Promise<Projection> {
  const forms = Object.entries(settings.values).map(([name, written]) => javaScriptForm(written, name));
  const scripted = settings.language === 'javascript' && forms.some(form => plainField(form) === undefined);
  return scripted ? openScripted(forms, settings, context) : openPlain(settings, context);
}

async function openPlain(
  { language, fields, values }: ProjectionSettings,
  context: StageContext,
): Promise<Projection> {
  const { input = { form: 'row' } } = context;
  const compiled = Object.entries(values).map(([name, written]) => {
    const form = javaScriptForm(written, name);
    const text = language === 'generic' ? genericText(written, name) : (plainField(form) ?? '');
    return compileGeneric(text, name, false);
  });
  const warn = missingFieldWarning([...fields, ...compiled.flatMap(each => each.fields)], context);
  return {
    rowsOf(batch) {
      const rows = rowsOf(batch, input);
      warn(rows);
      return rows;
    },
    read(row, into) {
      for (let i = 0; i < compiled.length; i++) into[i] = compiled[i]?.evaluate(row) ?? null;
    },
    close: async () => {},
  };
}

/** The rows come from the sandbox: the fields under their names, the values of expressions under `=` and theirs. */
async function openScripted(
  forms: readonly JavaScriptForm[],
  { fields }: ProjectionSettings,
  context: StageContext,
): Promise<Projection> {
  const { input = { form: 'row' } } = context;
  const calls: JavaScriptForm[] = [];
  const names = forms.map(({ subject }) => `=${subject}`);
  const shape = {
    append: false,
    drop: [],
    fields: [
      ...fields.map(name => ({ name, field: name })),
      ...forms.map((form, i) => {
        const field = plainField(form);
        const name = names[i] ?? '';
        return field === undefined ? { name, call: calls.push(form) - 1 } : { name, field };
      }),
    ],
  };
  const pool = await openJavaScript(calls, context, shape);
  return {
    async rowsOf(batch, failures) {
      const { bytes, starts, ends, count } = asRows(batch, input);
      const rows: (Row | undefined)[] = new Array(count).fill(undefined);
      // Times go with the elements: one that is an index tells which element a row is of.
      const times = Float64Array.from({ length: count }, (_, i) => i);
      const { good, failed } = await pool.run({ count, bytes, starts, ends, times });
      for (const part of good)
        for (const [i, row] of rowsOf(part, { form: 'row' }).entries()) rows[part.times?.[i] ?? 0] = row;
      for (const [i, failure] of (failed?.failures ?? []).entries())
        failures.add(failed?.times?.[i] ?? 0, asExpressionFailure(failure));
      return rows;
    },
    read(row, into) {
      for (let i = 0; i < names.length; i++) into[i] = row[names[i] ?? ''] ?? null;
    },
    close: () => pool.close(),
  };
}
