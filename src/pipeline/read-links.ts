/** What a transform reads and what a scope gives, as written: names, lists of names, mappings of either. */
import type { Faults } from './faults.ts';
import { isMapping, type Link, type Mapping, type Placed, type Port } from './tree.ts';
import { placeOf } from './yaml.ts';

/** `input`: one port of that name, or one per key of a mapping; nothing when it is absent or empty. */
export function readInputs(spec: Mapping, path: string, faults: Faults): Port[] {
  const { input } = spec;
  if (input === undefined) return [];
  return entries(spec, 'input', path).flatMap(([key, value, place]) => {
    if (Array.isArray(value) && value.length === 0) return [];
    return [{ key, links: readLinks(value, place, faults) }];
  });
}

/** `output` of a scope, by name; undefined when it has none. */
export function readOutputs(spec: Mapping, path: string, faults: Faults): Map<string, Link> | undefined {
  if (spec.output === undefined) return undefined;
  const outputs = new Map<string, Link>();
  for (const [key, text, place] of entries(spec, 'output', path)) {
    if (typeof text === 'string' && text !== '') outputs.set(key, { text, place });
    else faults.add(place, 'an output is the name of a transform, or a mapping of names');
  }
  return outputs;
}

/** `file:line:column` of a value, or its path where it comes from no file. */
export function where(holder: object, key: string | undefined, path: string): string {
  if (key === undefined) return placeOf(holder) ?? path;
  return placeOf(holder, key) ?? placeOf(holder) ?? `${path}.${key}`;
}

export function readPlaced(spec: Mapping, key: string, path: string): Placed | undefined {
  return spec[key] === undefined ? undefined : { value: spec[key], place: where(spec, key, path) };
}

function entries(spec: Mapping, key: string, path: string): [key: string, value: unknown, place: string][] {
  const value = spec[key];
  if (!isMapping(value)) return [[key, value, where(spec, key, path)]];
  return Object.entries(value).map(([each, inner]) => [each, inner, where(value, each, `${path}.${key}`)]);
}

function readLinks(value: unknown, place: string, faults: Faults): Link[] {
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts.flatMap((text, i) => {
    const at = Array.isArray(value) ? (placeOf(value, i) ?? place) : place;
    if (typeof text === 'string' && text !== '') return [{ text, place: at }];
    faults.add(at, 'an input is the name of a transform, or a list or mapping of names');
    return [];
  });
}
