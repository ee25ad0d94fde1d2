/**
 * `providers` of a pipeline file: transforms that the file defines itself, each a body of others in which
 * `{{ name }}` stands for what its config says. A use of one is read as a composite that holds the body.
 */
import type { SourceComponent } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { checkConfig } from './check-config.ts';
import type { Registry } from './drafts.ts';
import type { Faults } from './faults.ts';
import { where } from './read-links.ts';
import { suggestion } from './suggest.ts';
import { isMapping, type Mapping } from './tree.ts';
import { parseWithVariables, withVariables } from './variables.ts';
import { copyPlace, placeOf } from './yaml.ts';

export interface Provided {
  name: string;
  /** The body for a config, or undefined when one of them is at fault, which is noted. */
  expand(config: Mapping, configPlace: string): Mapping | undefined;
  /** False for one that reads from the outside. */
  requiresInputs: boolean;
  bodyPlace: string;
}

export type Providers = ReadonlyMap<string, Provided>;

const PROVIDER_KEYS = ['type', 'transforms'];
const TRANSFORM_KEYS = ['config_schema', 'body', 'requires_inputs', 'description'];

/** The transforms that a pipeline file provides, by their types. */
export function readProviders(spec: Mapping, registry: Registry, faults: Faults): Providers {
  const provided = new Map<string, Provided>();
  const { providers } = spec;
  if (providers === undefined || providers === null) return provided;
  if (!Array.isArray(providers)) {
    faults.add(where(spec, 'providers', 'file'), 'providers is a list');
    return provided;
  }
  for (const [i, provider] of providers.entries()) {
    const place = placeOf(providers, i) ?? `providers[${i}]`;
    if (!isMapping(provider) || provider.type !== 'yaml' || !isMapping(provider.transforms)) {
      faults.add(place, kindFault(provider));
      continue;
    }
    checkKeys(provider, PROVIDER_KEYS, 'a provider', `providers[${i}]`, faults);
    for (const [name, definition] of Object.entries(provider.transforms)) {
      const at = where(provider.transforms, name, `providers[${i}].transforms`);
      if (registry.has(name) || name === 'chain' || name === 'composite')
        faults.add(at, `${name} is built in: give your transform another name`);
      else if (provided.has(name)) faults.add(at, `${name} is provided twice`);
      else if (isMapping(definition)) provided.set(name, readTransform(name, definition, at, faults));
      else faults.add(at, `${name} is a mapping with a body`);
    }
  }
  return provided;
}

function kindFault(provider: unknown): string {
  if (!isMapping(provider)) return 'a provider is a mapping: {type: yaml, transforms: {NAME: {body: …}}}';
  if ('include' in provider)
    return 'providers cannot be included from other files: write their transforms here';
  if (provider.type === 'yaml') return 'transforms of a provider is a mapping of names to transforms';
  return `providers of type ${String(provider.type)} are not supported: only those of type yaml are`;
}

function readTransform(name: string, definition: Mapping, place: string, faults: Faults): Provided {
  checkKeys(definition, TRANSFORM_KEYS, name, name, faults);
  const { config_schema: schema = {}, body, requires_inputs: requiresInputs = true } = definition;
  if (!isMapping(body) && typeof body !== 'string')
    faults.add(place, `${name} has no body: a transform, or the text of one`);
  if (!isMapping(schema))
    faults.add(where(definition, 'config_schema', name), 'config_schema is a JSON Schema: {properties: …}');
  const component = componentOf(name, isMapping(schema) ? schema : {});
  const bodyPlace = where(definition, 'body', name);
  return {
    name,
    bodyPlace,
    requiresInputs: requiresInputs !== false,
    expand(config, configPlace) {
      const schemaPlace = where(definition, 'config_schema', place);
      if (!areAccepted(component, config, configPlace, schemaPlace, faults)) return undefined;
      const expanded = expandBody(body, new Map(Object.entries(config)), bodyPlace, faults);
      if (expanded === undefined || isMapping(expanded)) return expanded;
      faults.add(bodyPlace, `the body of ${name} is a transform: a mapping with a type`);
      return undefined;
    },
  };
}

/** What the check of configs asks for: a name and a schema, which takes no other keys. */
function componentOf(name: string, schema: Mapping): SourceComponent {
  const config = { type: 'object', additionalProperties: false, ...schema };
  const open = () => Promise.reject(new Error(`${name} is expanded, and never opened`));
  return { kind: 'source', name, summary: '', config, examples: [], output: () => ({ form: 'row' }), open };
}

function areAccepted(
  component: SourceComponent,
  config: Mapping,
  place: string,
  schemaPlace: string,
  faults: Faults,
): boolean {
  const { properties } = component.config as { properties?: unknown };
  const takesErrors = isMapping(properties) && 'error_handling' in properties;
  const isRefused = 'error_handling' in config && !takesErrors;
  if (isRefused)
    faults.add(where(config, 'error_handling', place), `${component.name} has no key error_handling`);
  try {
    return checkConfig(component, config, place, faults) !== undefined && !isRefused;
  } catch (error) {
    faults.add(schemaPlace, `config_schema of ${component.name}: ${(error as Error).message}`);
    return false;
  }
}

function expandBody(
  body: unknown,
  variables: ReadonlyMap<string, unknown>,
  place: string,
  faults: Faults,
): unknown {
  if (typeof body !== 'string')
    return isMapping(body) ? withVariables(body, variables, place, faults) : undefined;
  const [, file = place, line = '0'] = /^(.*):(\d+):\d+$/.exec(place) ?? [];
  // So many empty lines before it that the lines of its places are those of the file.
  const above = '\n'.repeat(body.includes('\n') ? Number(line) : Math.max(0, Number(line) - 1));
  try {
    return parseWithVariables(above + body, file, variables);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    for (const { subject, message } of error.violations) faults.add(subject, message);
    if (error.violations.length === 0) faults.add(place, `the body does not parse: ${error.message}`);
    return undefined;
  }
}

/** A chain that names no input reads what flows into the transform. */
export function withInput(body: Mapping, { requiresInputs }: Provided): Mapping {
  if (body.type !== 'chain' || 'input' in body || !requiresInputs) return body;
  const joined = { ...body, input: 'input' };
  copyPlace(body, joined);
  return joined;
}

function checkKeys(spec: Mapping, allowed: string[], what: string, path: string, faults: Faults): void {
  for (const key of Object.keys(spec))
    if (!allowed.includes(key))
      faults.add(where(spec, key, path), `${what} has no key ${key}${suggestion(key, allowed)}`);
}
