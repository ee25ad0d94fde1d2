/**
 * The expressions in a template's pipeline: Handlebars' syntax, of which only values, literals and a few pure
 * helpers are allowed. They are evaluated from the syntax tree, so nothing is generated and types are kept.
 */
import Handlebars from 'handlebars';
import type { Json } from '../engine/component.ts';

/** What an expression may name. */
export interface Scope {
  parameters: Readonly<Record<string, Json | undefined>>;
  job: { id: string; directory: string };
}

/** Gives the value in a scope; undefined where a parameter it needs is absent. */
export type Expression = (scope: Scope) => Json | undefined;

type Arguments = (Json | undefined)[];

const isTrue = (value: Json | undefined): boolean => Boolean(value);
const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The text of the values joined; absent when one of them is. */
function concat(values: Arguments): string | undefined {
  let joined = '';
  for (const value of values) {
    if (value === undefined) return undefined;
    joined += textOf(value);
  }
  return joined;
}

/** The part of a text before, or after, the first `separator`; absent where there is none. */
const part =
  (side: 'before' | 'after') =>
  ([value, separator]: Arguments): string | undefined => {
    if (value === undefined || separator === undefined) return undefined;
    const text = textOf(value);
    const at = text.indexOf(textOf(separator));
    if (at < 0) return undefined;
    return side === 'before' ? text.slice(0, at) : text.slice(at + textOf(separator).length);
  };

const helpers = new Map<string, { arity: [number, number]; apply(values: Arguments): Json | undefined }>([
  ['eq', { arity: [2, 2], apply: ([a, b]) => a === b }],
  ['ne', { arity: [2, 2], apply: ([a, b]) => a !== b }],
  ['not', { arity: [1, 1], apply: ([value]) => !isTrue(value) }],
  ['and', { arity: [2, 9], apply: values => values.every(isTrue) }],
  ['or', { arity: [2, 9], apply: values => values.some(isTrue) }],
  ['if', { arity: [2, 3], apply: ([test, value, other]) => (isTrue(test) ? value : other) }],
  ['default', { arity: [2, 9], apply: values => values.find(value => value !== undefined) }],
  ['concat', { arity: [2, 9], apply: concat }],
  ['before', { arity: [2, 2], apply: part('before') }],
  ['after', { arity: [2, 2], apply: part('after') }],
  ['lower', { arity: [1, 1], apply: ([value]) => value && textOf(value).toLowerCase() }],
]);

/** Why a text is not an expression that a template may hold. */
export class ExpressionFault extends Error {}

/** True when the text holds an expression. */
export const hasExpression = (text: string): boolean => text.includes('{{');

/**
 * Compiles a text of literals and expressions over these parameters. A text that is one expression gives the
 * value with its type; otherwise the values are joined as text, and one absent value makes the whole absent.
 * Throws an ExpressionFault that says what is not allowed.
 */
export function compileExpression(text: string, parameters: ReadonlySet<string>): Expression {
  const parts = parse(text).body.map(statement => compileStatement(statement, parameters));
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  return scope => concat(parts.map(part => part(scope)));
}

function parse(text: string): hbs.AST.Program {
  try {
    return Handlebars.parseWithoutProcessing(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ExpressionFault(`${text} does not parse: ${message.split('\n').at(-1)}`);
  }
}

function compileStatement(statement: hbs.AST.Statement, parameters: ReadonlySet<string>): Expression {
  if (statement.type === 'ContentStatement') {
    const { value } = statement as hbs.AST.ContentStatement;
    return () => value;
  }
  if (statement.type !== 'MustacheStatement')
    throw new ExpressionFault(
      'only {{expressions}} are allowed: no blocks, partials, decorators or comments',
    );
  const { path, params, hash } = statement as hbs.AST.MustacheStatement;
  return compileCall(path, params, hash, parameters);
}

function compileCall(
  path: hbs.AST.Expression,
  params: hbs.AST.Expression[],
  hash: hbs.AST.Hash | undefined,
  parameters: ReadonlySet<string>,
): Expression {
  if (hash) throw new ExpressionFault('named arguments (key=value) are not allowed');
  const name = path.type === 'PathExpression' ? (path as hbs.AST.PathExpression).original : '';
  const helper = helpers.get(name);
  if (!helper || (params.length === 0 && parameters.has(name))) {
    if (params.length > 0)
      throw new ExpressionFault(`${name} is no helper: there are ${[...helpers.keys()].join(', ')}`);
    return compileValue(path, parameters);
  }
  const [least, most] = helper.arity;
  if (params.length < least || params.length > most)
    throw new ExpressionFault(`${name} takes ${least === most ? least : `${least} to ${most}`} arguments`);
  const values = params.map(param => compileValue(param, parameters));
  return scope => helper.apply(values.map(value => value(scope)));
}

function compileValue(node: hbs.AST.Expression, parameters: ReadonlySet<string>): Expression {
  switch (node.type) {
    case 'StringLiteral':
    case 'NumberLiteral':
    case 'BooleanLiteral': {
      const { value } = node as hbs.AST.StringLiteral | hbs.AST.NumberLiteral | hbs.AST.BooleanLiteral;
      return () => value;
    }
    case 'SubExpression': {
      const { path, params, hash } = node as hbs.AST.SubExpression;
      return compileCall(path, params, hash, parameters);
    }
    case 'PathExpression':
      return compilePath(node as hbs.AST.PathExpression, parameters);
    default:
      throw new ExpressionFault('null and undefined are no values of an expression');
  }
}

/** Only whole names: a declared parameter, `job.id` and `job.directory`; so nothing reaches a prototype. */
function compilePath({ original }: hbs.AST.PathExpression, parameters: ReadonlySet<string>): Expression {
  if (original === 'job.id') return scope => scope.job.id;
  if (original === 'job.directory') return scope => scope.job.directory;
  if (!parameters.has(original)) throw new ExpressionFault(`{{${original}}} is no parameter of the template`);
  return scope => (Object.hasOwn(scope.parameters, original) ? scope.parameters[original] : undefined);
}
