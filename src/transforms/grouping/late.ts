/** Elements that come when their window has closed: counted, and kept apart where that is asked for. */
import { type Batch, columnsAt } from '../../engine/batch.ts';
import { type ElementType, type Outcome, outputKey } from '../../engine/component.ts';
import { rowBatch, rowsOf } from '../../formats/rows.ts';

/** Config: where they go. */
export const lateOutputSchema = {
  type: 'string',
  pattern: '^[^.]+$',
  not: { enum: ['good', 'output', 'out'] },
  description:
    'Name of a further output, for rows that come when their window has closed. Without it they are filtered; they ' +
    'are counted as late either way.',
} as const;

/** The outputs of a grouping. */
export const lateOutputs = ({ late_output: late }: { late_output?: string }): string[] =>
  late === undefined ? ['good'] : ['good', late];

/** What becomes of the late elements of a batch. */
export function lateOutcome(
  batch: Batch,
  late: readonly number[],
  input: ElementType,
  output: string | undefined,
): Pick<Outcome, 'late' | 'filtered' | 'named'> {
  if (late.length === 0) return {};
  if (output === undefined) return { late: late.length, filtered: late.length };
  const rows = rowsOf(batch, input);
  const rest = rowBatch(
    late.map(i => rows[i] ?? {}),
    columnsAt(late, batch),
  );
  return { late: late.length, named: { [outputKey(output)]: [rest] } };
}
