/** The fields that expressions name, against those that rows have. */
import type { ElementType, StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import type { Row } from '../../formats/rows.ts';

const MAX_LISTED = 20;

/** Throws PIPELINE_INVALID where a field is named that the elements are known not to have. */
export function checkFields(names: readonly string[], input: ElementType, subject: string): void {
  const fields = fieldsOf(input);
  const missing = names.find(name => fields && !fields.includes(name));
  if (!fields || missing === undefined) return;
  const more = fields.length > MAX_LISTED ? ', …' : '';
  const listed = fields.slice(0, MAX_LISTED).join(', ') + more;
  throw new SluiceError(
    'PIPELINE_INVALID',
    `${subject}: the input has no field ${missing}: there is ${listed}`,
  );
}

/** The fields that each element has; undefined where that is not known before the rows are there. */
export function fieldsOf(input: ElementType): readonly string[] | undefined {
  if (input.form === 'text') return [input.field];
  return input.form === 'failure' ? ['element', 'msg', 'stack'] : input.fields;
}

/** The type of rows of these fields. */
export const rowOf = (fields: readonly string[] | undefined): ElementType => ({
  form: 'row',
  ...(fields && { fields }),
});

/** Refuses a name that would not become a field but the prototype of the row. */
export function checkFieldNames(names: readonly string[]): void {
  if (names.includes('__proto__'))
    throw new SluiceError('PIPELINE_INVALID', '__proto__ cannot be the name of a field');
}

/** Looks at the first rows, and warns of a field that none of them has: it is null in all, which may be a mistake. */
export function missingFieldWarning(
  names: readonly string[],
  { report }: Pick<StageContext, 'report'>,
): (rows: readonly Row[]) => void {
  let looked = false;
  return rows => {
    if (looked || rows.length === 0) return;
    looked = true;
    for (const name of new Set(names))
      if (!rows.some(row => Object.hasOwn(row, name)))
        report('WARNING', `none of the first ${rows.length} rows has the field ${name}: it counts as null`);
  };
}
