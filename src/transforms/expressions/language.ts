/** How a transform says what to work out: the part of its config that all transforms with expressions share. */
import { SluiceError } from '../../errors.ts';

/** Config: which language the expressions of a transform are in. */
export const languageSchema = {
  enum: ['generic', 'javascript'],
  default: 'generic',
  description:
    '`generic`: a field, a number, `"text"` in double quotes, or one comparison of two of them; `javascript`: ' +
    'expressions whose variables are the fields of the row, or functions of the row, run in the sandbox of UDFs.',
} as const;

/** Config: one expression. A plain string or number is the short form of `{expression: …}`. */
export const expressionSchema = {
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'number' },
    {
      type: 'object',
      additionalProperties: false,
      properties: {
        expression: { type: ['string', 'number'] },
        callable: { type: 'string', minLength: 1 },
        path: { type: 'string', minLength: 1 },
        name: { type: 'string', minLength: 1 },
        output_type: {
          anyOf: [
            { enum: ['string', 'integer', 'number', 'boolean'] },
            {
              type: 'object',
              required: ['type'],
              additionalProperties: false,
              properties: { type: { enum: ['string', 'integer', 'number', 'boolean'] } },
            },
          ],
        },
      },
    },
  ],
} as const;

export type Language = 'generic' | 'javascript';
export type OutputType = 'string' | 'integer' | 'number' | 'boolean';

/** An expression as it is written in a config. */
export type Written =
  | string
  | number
  | {
      expression?: string | number;
      callable?: string;
      path?: string;
      name?: string;
      output_type?: OutputType | { type: OutputType };
    };

/** The paths of the scripts that expressions of a config are in, however deep they lie. */
export function scriptPaths(config: unknown): string[] {
  if (typeof config !== 'object' || config === null) return [];
  const { path, name } = config as Written & object;
  const own = typeof path === 'string' && typeof name === 'string' ? [path] : [];
  return [...own, ...Object.values(config).flatMap(scriptPaths)];
}

/** One expression; `subject` is what messages call it. */
export type JavaScriptForm = { subject: string; outputType?: OutputType } & (
  | { expression: string }
  | { callable: string }
  | { path: string; name: string }
);

/** The text of an expression of the generic language, which has no other form. */
export function genericText(written: Written, subject: string): string | number {
  if (typeof written !== 'object') return written;
  const { expression, ...more } = written;
  const [key] = Object.keys(more);
  if (key !== undefined) refuse(subject, `the generic language has no ${key}: say language: javascript`);
  return expression ?? refuse(subject, 'the expression is missing');
}

/** An expression of the JavaScript language in its one full form; what contradicts itself is refused as in Beam. */
export function javaScriptForm(written: Written, subject: string): JavaScriptForm {
  if (typeof written !== 'object') return { subject, expression: String(written) };
  const { expression, callable, path, name, output_type: type } = written;
  const outputType = typeof type === 'object' ? type.type : type;
  const typed = { subject, ...(outputType && { outputType }) };
  const given = [expression, callable, path ?? name].filter(each => each !== undefined);
  if (given.length !== 1) refuse(subject, 'give one of expression, callable, or path and name');
  if (expression !== undefined) return { ...typed, expression: String(expression) };
  if (callable !== undefined) return { ...typed, callable };
  if (path === undefined || name === undefined) return refuse(subject, 'path and name go together');
  if (!path.endsWith('.js')) refuse(subject, `${path} is no .js file`);
  return { ...typed, path, name };
}

function refuse(subject: string, why: string): never {
  throw new SluiceError('PIPELINE_INVALID', `${subject}: ${why}`);
}
