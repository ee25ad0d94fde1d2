/** What users give as `--parameters` and the like: `k=v,k2=v2` as `gcloud` takes it, a JSON object, or `@file` with one. */
import { readFileSync } from 'node:fs';
import { SluiceError } from '../errors.ts';
import type { GivenParameters } from '../launch/prepare.ts';

/** Adds one `--parameters` to those before it; commander calls it for each. */
export const collectParameters = collector('--parameters');

/** Gives what does the same for an option of another name. */
export function collector(option: string) {
  return (text: string, before: GivenParameters = {}): GivenParameters => {
    const merged: GivenParameters = Object.assign(Object.create(null), before);
    try {
      for (const [name, value] of parse(text)) merged[name] = value;
    } catch (error) {
      throw new SluiceError('USAGE', `${option}: ${(error as Error).message}`);
    }
    return merged;
  };
}

function parse(text: string): [string, unknown][] {
  if (text.startsWith('@')) return parseFile(text.slice(1));
  if (text.trimStart().startsWith('{')) return parseObject(text, 'the JSON object');
  return splitPairs(text).map(pair => {
    const [, name, value] = /^\s*([^=\s]+)\s*=([\s\S]*)$/.exec(pair) ?? [];
    if (name === undefined) throw new Error(`"${pair}" is not of the form name=value`);
    return [name, value];
  });
}

/**
 * A comma begins a new pair only where `name=` follows, so that most values may hold commas; for the others there is
 * gcloud's `^~^a=1,2~b=3`, which names its own separator.
 */
function splitPairs(text: string): string[] {
  const [whole, separator] = /^\^([^^]+)\^/.exec(text) ?? [];
  if (whole && separator) return text.slice(whole.length).split(separator);
  return text.split(/,(?=\s*[A-Za-z_][A-Za-z0-9_.-]*=)/);
}

function parseFile(path: string): [string, unknown][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`);
  }
  return parseObject(text, path);
}

function parseObject(text: string, name: string): [string, unknown][] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not valid JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${name} is not a JSON object`);
  return Object.entries(value);
}
