/**
 * Expressions in JavaScript, run in the sandbox of UDFs: one generated script for a transform, one crossing for a
 * batch whatever the number of expressions.
 */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import type { StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import type { UdfScript } from '../../udf/frames.ts';
import { defaultLimits } from '../../udf/limits.ts';
import { loadScripts } from '../../udf/load-scripts.ts';
import { openPool, type Pool } from '../../udf/pool.ts';
import { checkFunctionName } from '../../udf/scripts.ts';
import type { JavaScriptForm } from './language.ts';

export type { JavaScriptForm, Pool };

/** How the values make a row; a field of the row is taken as it is, 64-bit integers exact. */
export interface RowShape {
  append: boolean;
  drop: string[];
  fields: ({ name: string } & ({ field: string } | { call: number }))[];
}

const DRIVER = readFileSync(new URL('./driver.js', import.meta.url), 'utf8');

/** Names that look like fields and are values of the language. */
const VALUES = new Set(['undefined', 'NaN', 'Infinity', 'null', 'true', 'false', 'this']);

/** The field that an expression is, where it is nothing but one. */
export function plainField(form: JavaScriptForm): string | undefined {
  if (!('expression' in form) || form.outputType) return undefined;
  const name = form.expression.trim();
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) && !VALUES.has(name) ? name : undefined;
}

/** Throws PIPELINE_INVALID where an expression or a callable is not, by itself, an expression of the language. */
export function checkJavaScript(form: JavaScriptForm): void {
  if ('path' in form) {
    checkFunctionName(form.name);
    return;
  }
  const source = sourceOf(form);
  // What closes the one bracket to break out of it does not close the other.
  for (const [open, close] of ['()', '[]']) {
    try {
      new Script(`${open}${source}\n${close}`, { filename: form.subject });
    } catch (error) {
      throw new SluiceError(
        'PIPELINE_INVALID',
        `${form.subject}: ${shortened(source)} is no expression of JavaScript: ${reasonOf(error)}`,
      );
    }
  }
}

/** Opens the sandbox with these expressions; each element gives a row, or without a shape the JSON of the only value. */
export async function openJavaScript(
  forms: readonly JavaScriptForm[],
  { stage, config, input }: StageContext,
  row?: RowShape,
): Promise<Pool> {
  const files = new Map<string, { script: UdfScript; names: Set<string> }>();
  const scripts: UdfScript[] = [];
  for (const [i, form] of forms.entries()) {
    if ('path' in form) {
      const known = files.get(form.path) ?? { script: await readOne(form.path, config), names: new Set() };
      files.set(form.path, known);
      known.names.add(form.name);
    } else scripts.push(scriptOf(form, i));
  }
  const paths = [...files.keys()];
  const functions = forms.map((form, i) =>
    'path' in form ? `sluiceFile${paths.indexOf(form.path)}.${form.name}` : `sluiceExpression${i}`,
  );
  const spec = {
    ...(input?.form === 'text' && { text: input.field }),
    functions: forms.map(form => ({ label: form.subject, type: form.outputType, changes: mayChange(form) })),
    row,
  };
  const driver = `${DRIVER}\nconst expressions = sluiceDriver(${JSON.stringify(spec)}, [${functions.join(', ')}]);`;
  const all = [
    ...[...files.values()].map(({ script, names }, i) => enclosed(script, [...names], i)),
    ...scripts,
    { name: 'sluice:realm', source: driver, module: false },
  ];
  return openPool({ scripts: all, function: 'expressions', limits: defaultLimits, rows: false, stage });
}

/** A script of its own, so that its lines are counted from its own first. */
function scriptOf(form: Exclude<JavaScriptForm, { path: string }>, index: number): UdfScript {
  const source = sourceOf(form);
  const value =
    'expression' in form
      ? `function (__row__) { with (__row__) { return (${source}\n) } }`
      : `((given) => { if (typeof given === 'function') return given; throw new TypeError('the callable is no function') })(${source}\n)`;
  return { name: form.subject, source: `const sluiceExpression${index} = ${value}`, module: false };
}

/** The functions of a file, which sees nothing of the others. */
function enclosed({ name, source }: UdfScript, names: string[], index: number): UdfScript {
  const functions = names.map(
    each => `${each}: typeof ${each} === 'function' ? ${each} : missing('${each}')`,
  );
  const missing = `function missing(name) { throw new TypeError('it defines no function ' + name) }`;
  const wrapped = `const sluiceFile${index} = (() => {${source}\n${missing}\nreturn { ${functions.join(', ')} } })()`;
  return { name, source: wrapped, module: false };
}

async function readOne(path: string, config: StageContext['config']): Promise<UdfScript> {
  const [script, second] = await loadScripts(path, config);
  if (script && !second) return script;
  throw new SluiceError('UDF_NOT_FOUND', `${path} names several files: an expression takes one`);
}

/** A trailing semicolon makes a statement of what is a function. */
const sourceOf = (form: Exclude<JavaScriptForm, { path: string }>): string =>
  'expression' in form ? form.expression : form.callable.replace(/[\s;]+$/, '');

/** An expression without a call, an assignment or a tagged template leaves the row as it was. */
function mayChange(form: JavaScriptForm): boolean {
  if (!('expression' in form)) return true;
  return /[([`]|\+\+|--|\bdelete\b|[^=!<>]=[^=>]|[<>]{2,}=/.test(form.expression);
}

const MAX_SHOWN = 100;
const shortened = (text: string): string =>
  text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text.trim();

const reasonOf = (error: unknown): string =>
  error instanceof SyntaxError ? error.message : 'it is nested too deep';
