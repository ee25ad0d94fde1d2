/** One of the values that the parameter's schema lists. */
import type { Kind } from './kind.ts';

export const enumeration: Kind = {
  name: 'enum',
  help: 'One of the values listed.',
  expected: schema => `one of ${(schema.enum ?? []).join(', ')}`,
  parse: (given, schema) => schema.enum?.find(value => value === given),
  widget: 'select',
  paramType: 'ENUM',
};
