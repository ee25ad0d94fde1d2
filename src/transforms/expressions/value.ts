/** One expression of either language, worked out for all elements of a batch. */
import type { Batch } from '../../engine/batch.ts';
import { columnsAt } from '../../engine/batch.ts';
import type { ElementType, Outcome, StageContext, Transform } from '../../engine/component.ts';
import { parseRow, type Row, type RowValue, rowBatch, rowsOf } from '../../formats/rows.ts';
import { Failures } from './failures.ts';
import { checkFields, missingFieldWarning } from './fields.ts';
import { compileGeneric, type GenericExpression } from './generic.ts';
import { checkJavaScript, openJavaScript, type Pool, plainField } from './javascript.ts';
import { genericText, javaScriptForm, type Language, type Written } from './language.ts';

export interface ValueExpression {
  written: Written;
  language: Language;
  /** The key it stands at, e.g. `keep`. */
  subject: string;
  allowsComparison: boolean;
}

/** What becomes of elements whose values are known: `undefined` for those that have failed already. */
export type Conclude = (
  batch: Batch,
  values: readonly (RowValue | undefined)[],
  failures: Failures,
) => Outcome;

/** Throws PIPELINE_INVALID where the expression cannot be worked out for such elements. */
export function checkValue(expression: ValueExpression, input: ElementType): void {
  const compiled = compile(expression);
  if ('evaluate' in compiled) checkFields(compiled.fields, input, expression.subject);
  else checkJavaScript(compiled);
}

/** A transform that works the expression out for each element and lets `conclude` say what becomes of them. */
export async function openValue(
  expression: ValueExpression,
  context: StageContext,
  conclude: Conclude,
): Promise<Transform> {
  const { stage, input = { form: 'row' } } = context;
  const compiled = compile(expression);
  if ('evaluate' in compiled) {
    const warn = missingFieldWarning(compiled.fields, context);
    return {
      process(batch) {
        const failures = new Failures(stage);
        const rows = rowsOf(batch, input);
        warn(rows);
        return conclude(batch, evaluateAll(compiled, rows, expression.subject, failures), failures);
      },
    };
  }
  const pool = await openJavaScript([compiled], context);
  return {
    concurrency: pool.concurrency,
    async process(batch) {
      const failures = new Failures(stage);
      return conclude(batch, await valuesOf(pool, asRows(batch, input), failures), failures);
    },
    close: () => pool.close(),
  };
}

/** A JavaScript expression that is only a field is one of the generic language too, and needs no sandbox. */
function compile({ written, language, subject, allowsComparison }: ValueExpression) {
  if (language === 'generic') return compileGeneric(genericText(written, subject), subject, allowsComparison);
  const form = javaScriptForm(written, subject);
  const field = plainField(form);
  return field === undefined ? form : compileGeneric(field, subject, false);
}

function evaluateAll(
  { evaluate }: GenericExpression,
  rows: readonly Row[],
  subject: string,
  failures: Failures,
): (RowValue | undefined)[] {
  return rows.map((row, i) => {
    try {
      return evaluate(row);
    } catch (fault) {
      if (fault instanceof Error) fault.message = `${subject}: ${fault.message}`;
      failures.note(i, fault);
      return undefined;
    }
  });
}

/** Failed elements as the rows that Beam makes of them; others as they are. */
export function asRows(batch: Batch, input: ElementType): Batch {
  if (input.form !== 'failure') return batch;
  const all = Array.from({ length: batch.count }, (_, i) => i);
  return rowBatch(rowsOf(batch, input), columnsAt(all, batch));
}

async function valuesOf(pool: Pool, batch: Batch, failures: Failures): Promise<(RowValue | undefined)[]> {
  const values: (RowValue | undefined)[] = new Array(batch.count).fill(undefined);
  const { bytes, starts, ends, count } = batch;
  // Times go with the elements: one that is an index tells which element a value is of.
  const times = Float64Array.from({ length: count }, (_, i) => i);
  const { good, failed } = await pool.run({ count, bytes, starts, ends, times });
  for (const part of good) {
    const { list } = parseRow(`{"list":[${part.bytes.toString().trimEnd().replaceAll('\n', ',')}]}`);
    for (const [i, value] of (Array.isArray(list) ? list : []).entries())
      values[part.times?.[i] ?? 0] = value;
  }
  for (const [i, failure] of (failed?.failures ?? []).entries())
    failures.add(failed?.times?.[i] ?? 0, asExpressionFailure(failure));
  return values;
}

/** What an expression threw is no fault of a UDF. */
export function asExpressionFailure<T extends { code: string }>(failure: T): T {
  return failure.code === 'UDF_THREW' ? { ...failure, code: 'EXPRESSION_FAILED' } : failure;
}
