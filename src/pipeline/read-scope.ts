/**
 * From a parsed file to a tree of scopes: checks the keys of the structure, puts `source` and `sink` in their
 * places, links the neighbours of a chain and hands windowing down to where it applies. The rules are Beam's.
 */
import { SluiceError } from '../errors.ts';
import { readErrorHandling } from './error-handling.ts';
import type { Faults } from './faults.ts';
import { type Provided, type Providers, withInput } from './providers.ts';
import { readInputs, readOutputs, readPlaced, where } from './read-links.ts';
import type { StageIds } from './stage-ids.ts';
import { nearest, suggestion } from './suggest.ts';
import {
  isMapping,
  type Leaf,
  type Mapping,
  type Member,
  type Placed,
  type Port,
  type Scope,
} from './tree.ts';
import { copyPlace, placeOf } from './yaml.ts';

const MAX_LEVELS = 50;
const MAX_TRANSFORMS = 1000;

const PIPELINE_KEYS = ['type', 'windowing', 'source', 'transforms', 'sink', 'extra_transforms'];
const SCOPE_KEYS = [...PIPELINE_KEYS, 'name', 'input', 'output'];
const LEAF_KEYS = ['type', 'name', 'input', 'windowing', 'config'];

/** Transforms that Beam renames after their language: one that has a name is found by that name only. */
const LANGUAGE_TYPES = new Set(['AssignTimestamps', 'Combine', 'Filter', 'MapToFields', 'Partition']);

/** The tree of a pipeline: the mapping under `pipeline`, or its list of transforms, at this place. */
export function readPipeline(
  spec: unknown,
  place: string,
  ids: StageIds,
  faults: Faults,
  providers: Providers,
): Scope {
  const mapping = Array.isArray(spec) ? { transforms: spec } : spec;
  const root: Scope = emptyScope({ id: '', label: 'the pipeline', names: [], place, inputs: [] });
  if (!isMapping(mapping)) {
    faults.add(place, 'a pipeline is a mapping with transforms, or a list of them');
    return root;
  }
  new SpecReader(ids, faults, providers).pipeline(mapping, root);
  return root;
}

class SpecReader {
  readonly #faults: Faults;
  readonly #ids: StageIds;
  readonly #providers: Providers;
  /** The types of the file's own transforms whose bodies are being read. */
  readonly #expanding: string[] = [];
  #count = 0;

  constructor(ids: StageIds, faults: Faults, providers: Providers) {
    this.#ids = ids;
    this.#faults = faults;
    this.#providers = providers;
  }

  pipeline(spec: Mapping, root: Scope): void {
    const path = 'pipeline';
    this.#checkKeys(spec, PIPELINE_KEYS, 'a pipeline', path);
    const { type } = spec;
    if (type !== undefined && type !== 'chain' && type !== 'composite')
      this.#faults.add(where(spec, 'type', path), 'the type of a pipeline is chain or composite');
    root.chain = type === 'chain';
    root.windowing = readPlaced(spec, 'windowing', path);
    this.#members(spec, root, path, 1);
  }

  #member(spec: unknown, scope: Scope, path: string, level: number, position: Position): Member | undefined {
    if (!isMapping(spec)) {
      const place = Array.isArray(spec) ? where(spec, undefined, path) : position.place;
      this.#faults.add(place, 'a transform is a mapping with a type');
      return undefined;
    }
    if (++this.#count > MAX_TRANSFORMS)
      throw new SluiceError(
        'PIPELINE_INVALID',
        `${where(spec, undefined, path)}: a pipeline has at most ${MAX_TRANSFORMS} transforms`,
      );
    const { type } = spec;
    if (typeof type !== 'string' || type === '') {
      const hint = 'transforms' in spec ? ': a scope is of type chain or composite' : '';
      this.#faults.add(where(spec, 'type', path), `the type of this transform is missing${hint}`);
      return undefined;
    }
    if (type === 'chain' || type === 'composite')
      return this.#scope(spec, type, scope, path, level, position);
    const provided = this.#providers.get(type);
    return provided
      ? this.#provided(spec, provided, scope, path, level, position)
      : this.#leaf(spec, type, scope, path, position);
  }

  /** A transform that the file provides: a scope that holds its body. */
  #provided(
    spec: Mapping,
    provided: Provided,
    parent: Scope,
    path: string,
    level: number,
    position: Position,
  ): Scope {
    const { name: type } = provided;
    const place = where(spec, undefined, path);
    checkLevel(level, place);
    const name = this.#name(spec, path);
    this.#leafKeys(spec, path, position);
    const label = name ?? type;
    const scope: Scope = emptyScope({
      id: this.#ids.next(parent.id, label),
      label,
      names: [label, type],
      place,
      inputs: this.#inputs(spec, parent, path, position),
    });
    scope.parent = parent;
    scope.windowing = this.#windowing(spec, scope, parent, path);
    const member = this.#body(spec, provided, scope, path, level);
    if (member) scope.members.push(member);
    scope.outputs = { last: member, whole: true };
    if (scope.inputs.length === 0 && provided.requiresInputs)
      this.#faults.add(place, `${type} needs an input: one that reads says requires_inputs: false`);
    return scope;
  }

  #body(spec: Mapping, provided: Provided, scope: Scope, path: string, level: number): Member | undefined {
    const { name: type, bodyPlace } = provided;
    const circle = this.#expanding.slice(this.#expanding.indexOf(type));
    if (this.#expanding.includes(type)) {
      this.#faults.add(scope.place, `a transform cannot hold itself: ${[...circle, type].join(' -> ')}`);
      return undefined;
    }
    const config = this.#config(spec, path);
    const body = config && provided.expand(config, where(spec, 'config', path));
    if (!body) return undefined;
    this.#expanding.push(type);
    const member = this.#member(withInput(body, provided), scope, type, level + 1, { place: bodyPlace });
    this.#expanding.pop();
    return member;
  }

  #scope(spec: Mapping, type: string, parent: Scope, path: string, level: number, position: Position): Scope {
    const place = where(spec, undefined, path);
    checkLevel(level, place);
    this.#checkKeys(spec, SCOPE_KEYS, `a ${type}`, path);
    const name = this.#name(spec, path);
    const label = name ?? (type === 'chain' ? 'Chain' : 'Composite');
    const scope: Scope = emptyScope({
      id: this.#ids.next(parent.id, label),
      label,
      names: type === 'chain' ? [label] : [name ?? type, type],
      place,
      inputs: this.#inputs(spec, parent, path, position),
    });
    scope.parent = parent;
    scope.chain = type === 'chain';
    scope.windowing = this.#windowing(spec, scope, parent, path);
    this.#members(spec, scope, path, level + 1);
    scope.outputs = readOutputs(spec, path, this.#faults) ?? scope.outputs;
    return scope;
  }

  /** Reads the members of a scope in the order they run in: the source, the transforms, the sink, the extras. */
  #members(spec: Mapping, scope: Scope, path: string, level: number): void {
    const listed: [unknown, string, string][] = [];
    if ('source' in spec) listed.push([spec.source, `${path}.source`, where(spec, 'source', path)]);
    listed.push(...this.#list(spec, 'transforms', path));
    if ('sink' in spec) listed.push([spec.sink, `${path}.sink`, where(spec, 'sink', path)]);
    if (listed.length === 0) this.#faults.add(scope.place, `${scope.label} has no transforms`);
    let previous: Member | undefined;
    for (const [index, [each, eachPath, place]] of listed.entries()) {
      const isSource = index === 0 && 'source' in spec;
      const first = index === 0 && scope.chain;
      const position: Position = scope.chain ? { place, chained: true, first, isSource } : { place };
      if (index > 0) position.previous = previous ?? 'unreadable';
      previous = this.#member(each, scope, eachPath, level, position);
      if (previous) scope.members.push(previous);
    }
    if (scope.chain) scope.outputs = { last: previous };
    this.#extras(spec, scope, path, level);
  }

  #extras(spec: Mapping, scope: Scope, path: string, level: number): void {
    if (!scope.chain && 'extra_transforms' in spec) {
      const message = 'extra_transforms belong to a chain: in a composite they stand under transforms';
      this.#faults.add(where(spec, 'extra_transforms', path), message);
      return;
    }
    for (const [each, eachPath, place] of this.#list(spec, 'extra_transforms', path)) {
      const member = this.#member(each, scope, eachPath, level, { place });
      if (member) scope.members.push(member);
    }
  }

  #list(spec: Mapping, key: string, path: string): [unknown, string, string][] {
    const list = spec[key];
    if (list === undefined) return [];
    if (!Array.isArray(list)) {
      this.#faults.add(where(spec, key, path), `${key} is a list of transforms`);
      return [];
    }
    return list.map((each, i) => {
      const eachPath = `${path}.${key}[${i}]`;
      return [each, eachPath, placeOf(list, i) ?? eachPath];
    });
  }

  #leaf(spec: Mapping, type: string, scope: Scope, path: string, position: Position): Leaf {
    const name = this.#name(spec, path);
    this.#leafKeys(spec, path, position);
    const label = name ?? type;
    const config = this.#config(spec, path);
    const leaf: Leaf = {
      kind: 'leaf',
      id: this.#ids.next(scope.id, label),
      label,
      names: name !== undefined && LANGUAGE_TYPES.has(type) ? [name] : [label, type],
      place: where(spec, undefined, path),
      type,
      spec,
      ...(config && { config }),
      configPlace: where(spec, 'config', path),
      scope,
      first: position.first === true,
      inputs: this.#inputs(spec, scope, path, position),
    };
    const errorHandling = config && readErrorHandling(config, `${path}.config`, this.#faults);
    if (errorHandling) leaf.errorHandling = errorHandling;
    // Beam takes the windowing of a WindowInto for its config.
    if (type === 'WindowInto' && 'windowing' in spec) leaf.config = withWindowing(config ?? {}, spec);
    else leaf.windowing = this.#windowing(spec, leaf, scope, path);
    return leaf;
  }

  #leafKeys(spec: Mapping, path: string, { chained }: Position): void {
    for (const key of Object.keys(spec)) {
      if (LEAF_KEYS.includes(key) || (key === 'output' && chained)) continue;
      const place = where(spec, key, path);
      if (key === 'output') this.#faults.add(place, 'only a chain or a composite names its output');
      else if ('config' in spec || nearest(key, LEAF_KEYS))
        this.#unknownKey(key, LEAF_KEYS, 'a transform', place);
      else this.#faults.add(place, `unknown key ${key}: what configures a transform stands under config`);
    }
  }

  #config(spec: Mapping, path: string): Mapping | undefined {
    const { config } = spec;
    if (config === undefined || config === null) return {};
    if (isMapping(config)) return config;
    this.#faults.add(where(spec, 'config', path), 'config is a mapping');
    return undefined;
  }

  #name(spec: Mapping, path: string): string | undefined {
    const { name } = spec;
    if (name === undefined || (typeof name === 'string' && name !== '')) return name;
    this.#faults.add(where(spec, 'name', path), 'a name is text');
    return undefined;
  }

  /** Its own windowing or, when nothing flows into it, that of the scope. */
  #windowing(spec: Mapping, { inputs }: Member, scope: Scope, path: string): Placed | undefined {
    return readPlaced(spec, 'windowing', path) ?? (inputs.length === 0 ? scope.windowing : undefined);
  }

  #inputs(spec: Mapping, scope: Scope, path: string, position: Position): Port[] {
    const written = readInputs(spec, path, this.#faults);
    if (!position.chained) return written;
    for (const key of ['input', 'output']) {
      if (!(key in spec) || (key === 'input' && position.first && written.length === 0)) continue;
      const message = `a member of a chain has no ${key}, since it reads the one before it`;
      this.#faults.add(where(spec, key, path), `${message}: others stand under extra_transforms`);
    }
    const place = where(spec, undefined, path);
    if (position.previous === 'unreadable') return [{ key: 'input', links: [] }];
    if (position.previous) return [{ key: 'input', links: [{ member: position.previous, place }] }];
    if (position.isSource) {
      if (scope.inputs.length > 0) this.#faults.add(place, `${scope.label} has both an input and a source`);
      return [];
    }
    return scope.inputs.map(({ key }) => ({ key, links: [{ text: key, place }] }));
  }

  #checkKeys(spec: Mapping, allowed: string[], what: string, path: string): void {
    for (const key of Object.keys(spec))
      if (!allowed.includes(key)) this.#unknownKey(key, allowed, what, where(spec, key, path));
  }

  #unknownKey(key: string, allowed: string[], what: string, place: string): void {
    this.#faults.add(place, `${what} has no key ${key}${suggestion(key, allowed)}`);
  }
}

/** Where a member stands among its neighbours. */
interface Position {
  place: string;
  chained?: boolean;
  first?: boolean;
  isSource?: boolean;
  previous?: Member | 'unreadable';
}

const emptyScope = (declared: Pick<Scope, 'id' | 'label' | 'names' | 'place' | 'inputs'>): Scope => ({
  kind: 'scope',
  chain: false,
  members: [],
  outputs: new Map(),
  ...declared,
});

function checkLevel(level: number, place: string): void {
  if (level < MAX_LEVELS) return;
  throw new SluiceError('PIPELINE_INVALID', `${place}: scopes are nested deeper than ${MAX_LEVELS} levels`);
}

function withWindowing(config: Mapping, { windowing }: Mapping): Mapping {
  const joined = { ...config, windowing };
  copyPlace(config, joined);
  return joined;
}
