/** Nodes in the making: one per transform that is written, and those that Beam has there unsaid. */
import type { Component } from '../engine/component.ts';
import { checkConfig } from './check-config.ts';
import type { Faults } from './faults.ts';
import type { StageIds } from './stage-ids.ts';
import { suggestion } from './suggest.ts';
import type { Leaf, Mapping, Placed } from './tree.ts';
import { placeOf } from './yaml.ts';

export interface Draft {
  id: string;
  place: string;
  /** Absent: there is no such transform. */
  component?: Component;
  /** Absent: its config is refused. */
  config?: { value: unknown };
  errorHandling?: Leaf['errorHandling'];
  inputs: Edge[];
  /** False for what Beam has there unsaid. */
  written: boolean;
  /** An input could not be found, so that nothing is known of what flows in. */
  broken: boolean;
}

export interface Edge {
  from: Draft;
  /** `good`, `errors`, or the name of a further output. */
  output: string;
  /** What a transform that tells its inputs apart calls it. */
  name?: string;
  /** Where it is written. */
  place: string;
}

/** The outputs of a transform, but for that of its failed elements; undefined while its config is at fault. */
export function outputsOf({ component, config }: Draft): string[] | undefined {
  if (component?.kind === 'sink') return [];
  if (component?.kind !== 'transform' || !component.outputs) return ['good'];
  return config && component.outputs(config.value);
}

export type Registry = ReadonlyMap<string, Component>;

export class Drafts {
  readonly #registry: Registry;
  readonly #ids: StageIds;
  readonly #faults: Faults;
  readonly #added: Draft[] = [];
  readonly #written = new Map<Leaf, Draft>();

  constructor(registry: Registry, ids: StageIds, faults: Faults) {
    this.#registry = registry;
    this.#ids = ids;
    this.#faults = faults;
  }

  /** Those that are written, in their order, then those that were added. */
  all(): Draft[] {
    return [...this.#written.values(), ...this.#added];
  }

  /** The draft of a transform that is written; always the same one. */
  of(leaf: Leaf): Draft {
    const known = this.#written.get(leaf);
    if (known) return known;
    const { type, id, place, errorHandling, spec } = leaf;
    const draft: Draft = {
      id,
      place,
      inputs: [],
      written: true,
      broken: false,
      ...(errorHandling && { errorHandling }),
    };
    this.#written.set(leaf, draft);
    this.#configure(draft, type, leaf.config, leaf.configPlace, placeOf(spec, 'type') ?? place);
    if (errorHandling && outputsOf(draft)?.includes(errorHandling.output))
      this.#faults.add(
        errorHandling.place,
        `${type} has an output ${errorHandling.output}: call the output of error_handling otherwise`,
      );
    if (errorHandling && draft.component?.kind === 'source')
      this.#faults.add(
        errorHandling.place,
        `${type} is a source, it has no failed elements: it takes no error_handling`,
      );
    return draft;
  }

  /** One edge for several: a Flatten between. */
  merge(edges: Edge[], parent: string, label: string, place: string): Edge[] {
    return edges.length < 2
      ? edges
      : [this.#add('Flatten', {}, { id: this.#ids.next(parent, label), place, inputs: edges })];
  }

  /** The edge with a WindowInto between. */
  window(edge: Edge, { value, place }: Placed, parent: string, label: string): Edge {
    return this.#add(
      'WindowInto',
      { windowing: value },
      { id: this.#ids.next(parent, label), place, inputs: [edge] },
    );
  }

  #add(type: string, config: Mapping, base: Pick<Draft, 'id' | 'place' | 'inputs'>): Edge {
    const draft: Draft = { ...base, written: false, broken: false };
    this.#added.push(draft);
    this.#configure(draft, type, config, base.place, base.place);
    return { from: draft, output: 'good', place: base.place };
  }

  #configure(
    draft: Draft,
    type: string,
    config: Mapping | undefined,
    configPlace: string,
    typePlace: string,
  ): void {
    const component = this.#registry.get(type);
    if (!component) {
      this.#faults.add(typePlace, `unknown transform ${type}${suggestion(type, [...this.#registry.keys()])}`);
      return;
    }
    draft.component = component;
    const checked = config && checkConfig(component, config, configPlace, this.#faults);
    if (checked) draft.config = checked;
  }
}
