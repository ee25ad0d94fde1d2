/** A JSON object. */
import type { Json } from '../../engine/component.ts';
import type { Kind } from './kind.ts';

export const jsonObject: Kind = {
  name: 'object',
  help: 'A JSON object.',
  expected: () => 'a JSON object, like {"name": "value"}',
  parse(given) {
    try {
      const value: Json = JSON.parse(given);
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
    } catch {
      return undefined;
    }
  },
  widget: 'textarea',
  paramType: 'TEXT',
};
