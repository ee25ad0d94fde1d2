/** The pipeline that a user brings in a parameter, with Jinja's `{{ variable }}`: no other part of Jinja. */
import { readTextFile } from '../cloud/storage.ts';
import type { Config } from '../config.ts';
import type { Json } from '../engine/component.ts';
import { SluiceError, type Violation } from '../errors.ts';
import { copyPlace, parseYaml } from '../pipeline/yaml.ts';
import type { Template } from './template.ts';

type Parameters = Readonly<Record<string, Json | undefined>>;
type Variables = ReadonlyMap<string, Json>;

/** The pipeline that these parameters hold, as parseYaml gives it. */
export async function readUserPipeline(
  from: NonNullable<Template['pipelineFrom']>,
  parameters: Parameters,
  config: Config,
): Promise<unknown> {
  const variables = new Map(Object.entries((parameters[from.variables] ?? {}) as Record<string, Json>));
  const path = parameters[from.file];
  if (typeof path !== 'string')
    return parseWithVariables(String(parameters[from.text]), from.text, variables);
  return parseWithVariables(await readTextFile(path, 'the pipeline', config), path, variables);
}

/**
 * Parses YAML in which `{{ name }}` stands for a variable. The value goes in after parsing: it is inert, and keeps
 * its type where it is the whole scalar. Throws PIPELINE_INVALID for an undefined variable and for the rest of Jinja.
 */
export function parseWithVariables(text: string, file: string, variables: Variables): unknown {
  const mark = unusedCharacter(text);
  const uses: string[] = [];
  const faults: Violation[] = [];
  const marked = text.replace(/\{%.*?(?:%\}|$)|\{#|\{\{.*?(?:\}\}|$)/gms, (jinja: string, offset: number) => {
    const name = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(jinja)?.[1];
    const message = faultOf(jinja, name, variables);
    if (message) faults.push({ subject: placeAt(text, offset, file), message });
    uses.push(name ?? '');
    // As long as what it stands for, so that the columns of later faults stay right.
    return mark + String(uses.length - 1).padStart(jinja.length - 2, '0') + mark;
  });
  const [first] = faults;
  if (first)
    throw new SluiceError('PIPELINE_INVALID', `${first.subject}: ${first.message}`, { violations: faults });
  const resolve = (number: string) => variables.get(uses[Number(number)] ?? '') ?? null;
  return substitute(parseYaml(marked, file), new RegExp(`${mark}(\\d+)${mark}`, 'g'), resolve);
}

function faultOf(jinja: string, name: string | undefined, variables: Variables): string | undefined {
  if (name === undefined)
    return `${jinja.split('\n')[0]}: of Jinja only {{ name }} is supported: no statements, comments, filters or expressions`;
  if (variables.has(name)) return undefined;
  const known = [...variables.keys()].join(', ') || 'none';
  return `the variable ${name} is not defined (defined: ${known})`;
}

/** A character of the private use area that the text does not hold. */
function unusedCharacter(text: string): string {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  throw new SluiceError('PIPELINE_INVALID', 'the pipeline uses every character of the private use area');
}

function substitute(value: unknown, pattern: RegExp, resolve: (number: string) => Json): unknown {
  if (typeof value === 'string') return substituteText(value, pattern, resolve);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value.map(item => substitute(item, pattern, resolve));
    copyPlace(value, list);
    return list;
  }
  const map: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value))
    map[String(substituteText(key, pattern, number => textOf(resolve(number))))] = substitute(
      item,
      pattern,
      resolve,
    );
  copyPlace(value, map);
  return map;
}

function substituteText(text: string, pattern: RegExp, resolve: (number: string) => Json): Json {
  const whole = [...text.matchAll(pattern)][0];
  if (whole?.[1] && whole[0] === text) return resolve(whole[1]);
  return text.replace(pattern, (_, number: string) => textOf(resolve(number)));
}

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

function placeAt(text: string, offset: number, file: string): string {
  const before = text.slice(0, offset).split('\n');
  return `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
