/**
 * Jinja's `{{ variable }}` in YAML, and no other part of Jinja but `{% raw %}`. A value goes in after the YAML is
 * parsed: it is inert, cannot change the structure, and keeps its type where it is the whole scalar.
 */
import { SluiceError, type Violation } from '../errors.ts';
import type { Faults } from './faults.ts';
import { where } from './read-links.ts';
import { copyPlace, parseYaml } from './yaml.ts';

export type Variables = ReadonlyMap<string, unknown>;

const JINJA = /\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{%.*?(?:%\}|$)|\{#|\{\{.*?(?:\}\}|$)/gms;
const RAW = /^(\{%-?\s*raw\s*-?%\})(.*)(\{%-?\s*endraw\s*-?%\})$/s;
const VARIABLE = /\{\{\s*([A-Za-z_]\w*)\s*\}\}/g;

/**
 * Parses YAML in which `{{ name }}` stands for a variable. What stands between `{% raw %}` and `{% endraw %}` is left
 * as it is. Throws PIPELINE_INVALID for an undefined variable and for the rest of Jinja.
 */
export function parseWithVariables(text: string, file: string, variables: Variables): unknown {
  const mark = unusedCharacter(text);
  const uses: string[] = [];
  const faults: Violation[] = [];
  const marked = text.replace(JINJA, (jinja: string, offset: number) => {
    const raw = RAW.exec(jinja);
    // As long as what they stand for, so that the columns of later faults stay right.
    if (raw) return `${' '.repeat(raw[1]?.length ?? 0)}${raw[2]}${' '.repeat(raw[3]?.length ?? 0)}`;
    const name = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(jinja)?.[1];
    const message = faultOf(jinja, name, variables);
    if (message) faults.push({ subject: placeAt(text, offset, file), message });
    uses.push(name ?? '');
    return mark + String(uses.length - 1).padStart(jinja.length - 2, '0') + mark;
  });
  const [first] = faults;
  if (first)
    throw new SluiceError('PIPELINE_INVALID', `${first.subject}: ${first.message}`, { violations: faults });
  const resolve = (number: string) => variables.get(uses[Number(number)] ?? '') ?? null;
  return substitute(parseYaml(marked, file), new RegExp(`${mark}(\\d+)${mark}`, 'g'), resolve);
}

/** The same for what is parsed already, in each of its texts; undefined when there are faults, which are noted. */
export function withVariables(value: object, variables: Variables, path: string, faults: Faults): unknown {
  if (!isSound(value, variables, path, faults)) return undefined;
  return substitute(value, VARIABLE, name => variables.get(name) ?? null);
}

function isSound(value: object, variables: Variables, path: string, faults: Faults): boolean {
  let sound = true;
  for (const [key, item] of Object.entries(value)) {
    const place = where(value, key, path);
    if (typeof item === 'object' && item !== null)
      sound = isSound(item, variables, `${path}.${key}`, faults) && sound;
    for (const text of [key, item]) {
      if (typeof text !== 'string') continue;
      for (const [jinja] of text.matchAll(JINJA)) {
        const name = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(jinja)?.[1];
        const message = faultOf(jinja, name, variables);
        if (!message) continue;
        faults.add(place, message);
        sound = false;
      }
    }
  }
  return sound;
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

function substitute(value: unknown, pattern: RegExp, resolve: (name: string) => unknown): unknown {
  if (typeof value === 'string') return substituteText(value, pattern, resolve);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value.map(item => substitute(item, pattern, resolve));
    copyPlace(value, list);
    return list;
  }
  const map: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value))
    map[String(substituteText(key, pattern, name => textOf(resolve(name))))] = substitute(
      item,
      pattern,
      resolve,
    );
  copyPlace(value, map);
  return map;
}

function substituteText(text: string, pattern: RegExp, resolve: (name: string) => unknown): unknown {
  const whole = [...text.matchAll(pattern)][0];
  if (whole?.[1] && whole[0] === text) return resolve(whole[1]);
  return text.replace(pattern, (_, name: string) => textOf(resolve(name)));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_key, each) =>
    typeof each === 'bigint' ? JSON.rawJSON(String(each)) : each,
  );
}

function placeAt(text: string, offset: number, file: string): string {
  const before = text.slice(0, offset).split('\n');
  return `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
