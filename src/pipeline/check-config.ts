/** Checks the config of a transform against the schema it declares, each fault at its place. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Component } from '../engine/component.ts';
import { keysOf, wordErrors } from './config-faults.ts';
import type { Faults } from './faults.ts';
import type { Mapping } from './tree.ts';
import { placeOf } from './yaml.ts';

const ajv = new Ajv2020({ allErrors: true, useDefaults: true, strict: false, verbose: true });
// Any text may be one: the mark is for those who reveal and hide them.
ajv.addFormat('secret', true);
const validators = new WeakMap<Component, ValidateFunction>();

/** The config with its defaults, without `error_handling`; undefined when it is refused, with the faults noted. */
export function checkConfig(
  component: Component,
  config: Mapping,
  configPlace: string,
  faults: Faults,
): { value: unknown } | undefined {
  const { error_handling: _, ...own } = config;
  const value = copyOf(own);
  if (value === undefined) {
    faults.add(configPlace, 'the config is no plain data');
    return undefined;
  }
  const validate = validatorOf(component);
  if (validate(value)) return { value };
  for (const { error, message } of wordErrors(validate.errors ?? [], component.name))
    faults.add(locate(config, error, configPlace), message);
  return undefined;
}

function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
}

function validatorOf(component: Component): ValidateFunction {
  const known = validators.get(component);
  if (known) return known;
  const schema = component.config;
  const isOpen =
    typeof schema !== 'object' || 'additionalProperties' in schema || 'unevaluatedProperties' in schema;
  const validate = ajv.compile(isOpen ? schema : { ...schema, additionalProperties: false });
  validators.set(component, validate);
  return validate;
}

/** The place of what an error is about, or the nearest place around it. */
function locate(config: Mapping, { instancePath, params }: ErrorObject, configPlace: string): string {
  const unknown: unknown = params.additionalProperty ?? params.unevaluatedProperty;
  const keys = [...keysOf(instancePath), ...(typeof unknown === 'string' ? [unknown] : [])];
  if (!/:\d+:\d+$/.test(configPlace)) return [configPlace, ...keys].join('.');
  let best = configPlace;
  let value: unknown = config;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) break;
    best = placeOf(value, key) ?? best;
    value = Reflect.get(value, key);
  }
  return best;
}
