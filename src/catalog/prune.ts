/** Takes transforms out of a pipeline whose `when` is false, and mends what referred to them. */
import { copyPlace } from '../pipeline/yaml.ts';

type Mapping = Record<string, unknown>;

const LISTS = ['transforms', 'extra_transforms'] as const;
const SINGLES = ['source', 'sink'] as const;

/**
 * The pipeline without the transforms whose `when` is absent, false, empty or 0. References to them vanish; a
 * transform all of whose inputs vanished goes too; in a chain the neighbours close up. Changes its argument.
 */
export function pruneTransforms(pipeline: unknown): unknown {
  if (isMapping(pipeline)) pruneScope(pipeline, new Set());
  return pipeline;
}

/** `gone` holds the names that refer to nothing in this scope: `Udf`, or `Outer.errors` of a lost output. */
function pruneScope(scope: Mapping, gone: Set<string>): void {
  for (const transform of membersOf(scope)) if (isDropped(transform)) gone.add(labelOf(transform));
  keepMembers(scope, transform => !isDropped(transform));
  for (const transform of membersOf(scope)) delete transform.when;
  forgetRemaining(scope, gone);
  // What one transform loses, those after it may lose in turn, whatever their order in the file.
  let settled = false;
  while (!settled) {
    settled = true;
    keepMembers(scope, transform => {
      const lost = loseInputs(transform, gone);
      const lostOutputs = lost === 'all' ? [labelOf(transform)] : pruneNested(transform, lost);
      for (const label of lostOutputs) gone.add(label);
      if (lostOutputs.length > 0) settled = false;
      return lost !== 'all';
    });
  }
  if (isMapping(scope.output)) scope.output = without(scope.output, gone);
  else if (isGone(scope.output, gone)) delete scope.output;
}

/** Prunes inside a nested chain or composite, which knows only its inputs; gives the outputs it lost: `Outer.errors`. */
function pruneNested(transform: Mapping, lostInputs: readonly string[]): string[] {
  if (membersOf(transform).length === 0) return [];
  const before = isMapping(transform.output) ? Object.keys(transform.output) : [];
  pruneScope(transform, new Set(lostInputs));
  const after = isMapping(transform.output) ? transform.output : {};
  return before
    .filter(output => !Object.hasOwn(after, output))
    .map(output => `${labelOf(transform)}.${output}`);
}

/** Takes lost references out of a transform's inputs: the names of those it lost, or `all` when none is left. */
function loseInputs(transform: Mapping, gone: ReadonlySet<string>): 'all' | string[] {
  const { input } = transform;
  if (isGone(input, gone)) return 'all';
  if (Array.isArray(input)) {
    const kept = input.filter(each => !isGone(each, gone));
    if (kept.length === 0 && input.length > 0) return 'all';
    copyPlace(input, kept);
    transform.input = kept;
  }
  if (!isMapping(input)) return [];
  const kept = without(input, gone);
  const lost = Object.keys(input).filter(name => !Object.hasOwn(kept, name));
  if (lost.length > 0 && Object.keys(kept).length === 0) return 'all';
  transform.input = kept;
  return lost;
}

function without(references: Mapping, gone: ReadonlySet<string>): Mapping {
  const kept: Mapping = Object.create(null);
  for (const [name, reference] of Object.entries(references)) {
    if (Array.isArray(reference)) {
      const rest = reference.filter(each => !isGone(each, gone));
      copyPlace(reference, rest);
      if (rest.length > 0 || reference.length === 0) kept[name] = rest;
    } else if (!isGone(reference, gone)) kept[name] = reference;
  }
  copyPlace(references, kept);
  return kept;
}

/** True for `Udf`, `Udf.errors` when Udf is gone, and for `Outer.errors` when only that output is. */
function isGone(reference: unknown, gone: ReadonlySet<string>): boolean {
  if (typeof reference !== 'string') return false;
  const dot = reference.lastIndexOf('.');
  return gone.has(reference) || (dot > 0 && gone.has(reference.slice(0, dot)));
}

/** A type that a remaining transform also has still refers to that one. */
function forgetRemaining(scope: Mapping, gone: Set<string>): void {
  for (const transform of membersOf(scope)) gone.delete(labelOf(transform));
}

function keepMembers(scope: Mapping, keep: (transform: Mapping) => boolean): void {
  for (const key of LISTS) {
    const list = scope[key];
    if (!Array.isArray(list)) continue;
    const kept = list.filter(each => !isMapping(each) || keep(each));
    copyPlace(list, kept);
    scope[key] = kept;
  }
  for (const key of SINGLES) {
    const single = scope[key];
    if (isMapping(single) && !keep(single)) delete scope[key];
  }
}

function membersOf(scope: Mapping): Mapping[] {
  const listed = LISTS.flatMap(key => (Array.isArray(scope[key]) ? scope[key] : []));
  return [...listed, ...SINGLES.map(key => scope[key])].filter(isMapping);
}

const isDropped = (transform: Mapping): boolean => Object.hasOwn(transform, 'when') && !transform.when;

const labelOf = ({ name, type }: Mapping): string => String(name ?? type ?? '');

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
