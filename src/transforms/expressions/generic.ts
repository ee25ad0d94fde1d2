/**
 * Beam's generic language: a field, a literal, or one comparison of two of them. An expression becomes a closure
 * over the row; nothing of it is ever run as code.
 */
import { isDeepStrictEqual } from 'node:util';
import { SluiceError } from '../../errors.ts';
import type { Row, RowValue } from '../../formats/rows.ts';
import { ElementFault } from './fault.ts';

export interface GenericExpression {
  /** The fields it reads. */
  fields: string[];
  /** Throws an ElementFault where the row does not allow it. */
  evaluate(row: Row): RowValue;
}

const OPERATORS = ['==', '!=', '<=', '>=', '<', '>'] as const;
type Operator = (typeof OPERATORS)[number];

const MAX_INTEGER = 2 ** 31;
/** Words that look like fields and are values elsewhere. */
const NO_FIELDS = new Set([
  'true',
  'false',
  'null',
  'True',
  'False',
  'None',
  'and',
  'or',
  'not',
  'undefined',
]);

/**
 * The expression in `text`; `subject` is what messages call it.
 * @param allowsComparison a comparison may stand in MapToFields and Filter only
 * @throws SluiceError PIPELINE_INVALID which says what the language has instead
 */
export function compileGeneric(
  text: string | number,
  subject: string,
  allowsComparison: boolean,
): GenericExpression {
  const written = typeof text === 'number' ? writtenNumber(text) : text;
  const [left, operator, right] = split(written);
  if (operator === undefined) return atom(left, written, subject);
  if (!allowsComparison) refuse(subject, written, 'no comparison may stand here');
  return comparison(atom(left, written, subject), operator, atom(right, written, subject));
}

/** A number as Beam's own language would write it. */
const writtenNumber = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) >= 1e21 ? BigInt(value).toString() : String(value);

/** The sides of the first operator that does not stand within a text. */
function split(text: string): [left: string, operator: Operator, right: string] | [whole: string] {
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    const operator = quoted ? undefined : OPERATORS.find(each => text.startsWith(each, at));
    if (operator) return [text.slice(0, at).trim(), operator, text.slice(at + operator.length).trim()];
  }
  return [text.trim()];
}

function atom(text: string | undefined, whole: string, subject: string): GenericExpression {
  if (text === undefined || text === '') return refuse(subject, whole, 'something is missing');
  if (/^-?\d+$/.test(text)) return integer(text, whole, subject);
  if (/^-?\d+\.\d*$/.test(text)) return literal(Number(text));
  if (/^"[^\\"]*"$/.test(text)) return literal(text.slice(1, -1));
  if (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text) && !NO_FIELDS.has(text)) return field(text);
  return refuse(subject, whole, hintFor(text));
}

function integer(text: string, whole: string, subject: string): GenericExpression {
  const value = Number(text);
  if (Math.abs(value) >= MAX_INTEGER) return refuse(subject, whole, `${text} is not below 2^31`);
  if (/^-?0\d/.test(text)) return refuse(subject, whole, `${text} begins with a zero`);
  return literal(value);
}

const literal = (value: RowValue): GenericExpression => ({ fields: [], evaluate: () => value });

function field(name: string): GenericExpression {
  // What one row of many does not have is null in Beam, where all rows have the same fields.
  const evaluate =
    name in Object.prototype
      ? (row: Row) => (Object.hasOwn(row, name) ? (row[name] ?? null) : null)
      : (row: Row) => row[name] ?? null;
  return { fields: [name], evaluate };
}

function hintFor(text: string): string {
  if (/^'.*'$/.test(text)) return 'text stands in double quotes';
  if (/^"/.test(text)) return 'a text has no quotes or backslashes in it';
  if (NO_FIELDS.has(text)) return `it has no ${text}`;
  if (/[=<>!]/.test(text)) return 'there is one comparison at most';
  return `${text} is neither a field nor a value`;
}

function refuse(subject: string, text: string, why: string): never {
  const language = 'a field, a number, "text" in double quotes, or one comparison of two of them';
  throw new SluiceError(
    'PIPELINE_INVALID',
    `${subject}: ${text} is no expression of the generic language: ${why}. It is ${language}; for more, say language: javascript`,
  );
}

function comparison(
  left: GenericExpression,
  operator: Operator,
  right: GenericExpression,
): GenericExpression {
  const decide = DECISIONS[operator];
  const fields = [...left.fields, ...right.fields];
  return {
    fields,
    evaluate(row) {
      const a = left.evaluate(row);
      const b = right.evaluate(row);
      if (a === null || b === null)
        throw new ElementFault(
          'EXPRESSION_FAILED',
          `${nullSide(a === null ? left : right)} is null, which compares with nothing`,
        );
      return decide(a, b);
    },
  };
}

const nullSide = ({ fields: [name] }: GenericExpression): string => name ?? 'a value';

type Decision = (a: RowValue, b: RowValue) => boolean;

const DECISIONS: Record<Operator, Decision> = {
  '==': isEqual,
  '!=': (a, b) => !isEqual(a, b),
  '<': (a, b) => order(a, b) < 0,
  '<=': (a, b) => order(a, b) <= 0,
  '>': (a, b) => order(a, b) > 0,
  '>=': (a, b) => order(a, b) >= 0,
};

/** As in Beam, values of different kinds are not equal, and true is 1. */
function isEqual(a: RowValue, b: RowValue): boolean {
  if (a === b) return true;
  if (typeof a === 'object' || typeof b === 'object') return isDeepStrictEqual(a, b);
  const isText = typeof a === 'string' || typeof b === 'string';
  return !isText && order(a, b) === 0;
}

/** Below, at or above 0; integers beyond 2^53 compare exactly. */
function order(a: RowValue, b: RowValue): number {
  if (typeof a === 'string' && typeof b === 'string') return orderText(a, b);
  const x = numeric(a);
  const y = numeric(b);
  if (x === undefined || y === undefined)
    throw new ElementFault('EXPRESSION_FAILED', `${kindOf(a)} and ${kindOf(b)} have no order`);
  return x < y ? -1 : x > y ? 1 : 0;
}

function numeric(value: RowValue): number | bigint | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}

/** By code points, as Beam has it: code units beyond the surrogates come before them. */
function orderText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const isHigh = isSurrogate(x);
    return isHigh === isSurrogate(y) ? x - y : isHigh ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

function kindOf(value: RowValue): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'null';
  const kinds: Record<string, string> = { string: 'text', object: 'a mapping', boolean: 'true or false' };
  return kinds[typeof value] ?? 'a number';
}
