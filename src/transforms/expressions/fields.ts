/** The fields that expressions name, against those that rows have. */
import type { ElementType, StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import type { Row } from '../../formats/rows.ts';

/** Throws where text is read and a field is named that it does not have; of rows the fields are not known before. */
export function checkFields(names: readonly string[], input: ElementType, subject: string): void {
  const fields = fieldsOf(input);
  const missing = fields && names.find(name => !fields.includes(name));
  if (missing !== undefined)
    throw new SluiceError(
      'PIPELINE_INVALID',
      `${subject}: the input has no field ${missing}: there is ${fields?.join(' and ')}`,
    );
}

/** The fields of an element that has only these. */
export function fieldsOf(input: ElementType): string[] | undefined {
  if (input.form === 'text') return [input.field];
  return input.form === 'failure' ? ['element', 'msg', 'stack'] : undefined;
}

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
