/** Finds what an input names: by name or by type within its scope, through the inputs and outputs of composites. */
import { outputKey } from '../engine/component.ts';
import { type Drafts, type Edge, outputsOf } from './drafts.ts';
import { GOOD_OUTPUTS } from './error-handling.ts';
import type { Faults } from './faults.ts';
import { listed, suggestion } from './suggest.ts';
import type { Leaf, Link, Member, Port, Scope } from './tree.ts';

export class Follower {
  readonly #drafts: Drafts;
  readonly #faults: Faults;
  readonly #windowed = new Map<Leaf, Edge>();
  readonly #scopeInputs = new Map<Port, Edge | undefined>();
  /** What is being followed, to notice when it leads back to itself. */
  readonly #following = new Set<object>();

  constructor(drafts: Drafts, faults: Faults) {
    this.#drafts = drafts;
    this.#faults = faults;
  }

  /** What the links of a port read; fewer than there are links when some lead nowhere, which is noted. */
  edges(port: Port, scope: Scope): Edge[] {
    return port.links.flatMap(link => this.edge(link, scope) ?? []);
  }

  edge(link: Link, scope: Scope): Edge | undefined {
    if ('member' in link) return this.#output(link.member, undefined, link.place);
    const { text, place } = link;
    const port = scope.inputs.find(({ key }) => key === text);
    if (port) return this.#scopeInput(port, scope);
    const dot = text.lastIndexOf('.');
    const member = this.#find(dot < 0 ? text : text.slice(0, dot), scope, place);
    return member && this.#output(member, dot < 0 ? undefined : text.slice(dot + 1), place);
  }

  #find(name: string, scope: Scope, place: string): Member | undefined {
    const found = scope.members.filter(({ names }) => names.includes(name));
    const [member, second] = found;
    if (second) {
      const all = listed(found.map(each => `${each.label} at ${each.place}`));
      this.#faults.add(place, `${name} is ambiguous, it may be ${all}: give them different names`);
      return undefined;
    }
    if (!member) {
      const known = new Set([
        ...scope.inputs.map(({ key }) => key),
        ...scope.members.flatMap(({ names }) => names),
      ]);
      const inner = scope.parent ? ` within ${scope.label}` : '';
      this.#faults.add(place, `no transform is called ${name}${inner}${suggestion(name, [...known])}`);
    }
    return member;
  }

  #output(member: Member, output: string | undefined, place: string): Edge | undefined {
    if (member.kind === 'leaf') return this.#leafOutput(member, output, place);
    return this.#follow(member, member, place, () => this.#scopeOutput(member, output, place));
  }

  #leafOutput(leaf: Leaf, output: string | undefined, place: string): Edge | undefined {
    const from = this.#drafts.of(leaf);
    const names = outputsOf(from);
    if (output !== undefined && output === leaf.errorHandling?.output)
      return { from, output: 'errors', place };
    // What has faults of its own may have any output.
    if (output !== undefined && output !== 'good' && (!names || names.includes(output)))
      return { from, output: outputKey(output), place };
    const isPlain = output === undefined || GOOD_OUTPUTS.includes(output);
    if (isPlain && (!names || names.includes('good')))
      return this.#windowedRoot(leaf) ?? { from, output: 'good', place };
    this.#faults.add(place, outputFault(leaf, output, names ?? []));
    return undefined;
  }

  /** A transform that nothing flows into has its output windowed. */
  #windowedRoot(leaf: Leaf): Edge | undefined {
    const { windowing, inputs, id, place } = leaf;
    if (!windowing || inputs.length > 0) return undefined;
    const known = this.#windowed.get(leaf);
    if (known) return known;
    const read: Edge = { from: this.#drafts.of(leaf), output: 'good', place };
    const edge = this.#drafts.window(read, windowing, id, 'WindowInto');
    this.#windowed.set(leaf, edge);
    return edge;
  }

  #scopeOutput(scope: Scope, output: string | undefined, place: string): Edge | undefined {
    const { outputs, label } = scope;
    if (!(outputs instanceof Map))
      return outputs.last && this.#lastOutput(outputs.last, output, outputs.whole ? undefined : label, place);
    const names = [...outputs.keys()];
    const name = output ?? (names.length === 1 ? names[0] : undefined);
    const link = name === undefined ? undefined : outputs.get(name);
    if (link) return this.edge(link, scope);
    const all = listed(names.map(each => `${label}.${each}`));
    if (names.length === 0) this.#faults.add(place, `${label} has no output: add output: NAME to it`);
    else if (output === undefined) this.#faults.add(place, `${label} has several outputs: read ${all}`);
    else this.#faults.add(place, `${label} has no output ${output}${suggestion(output, names)}`);
    return undefined;
  }

  /** A chain without `output`, whose label it is, gives the good rows of its last transform; errors are read within it. */
  #lastOutput(
    last: Member,
    output: string | undefined,
    label: string | undefined,
    place: string,
  ): Edge | undefined {
    const isError = last.kind === 'leaf' && output !== undefined && output === last.errorHandling?.output;
    if (isError && label !== undefined) {
      this.#faults.add(
        place,
        `${label} does not give ${output}: read it under extra_transforms, or name it in output`,
      );
      return undefined;
    }
    return this.#output(last, output, place);
  }

  /** What flows into a scope at one of its inputs: found, merged and windowed once. */
  #scopeInput(port: Port, scope: Scope): Edge | undefined {
    if (this.#scopeInputs.has(port)) return this.#scopeInputs.get(port);
    const { parent, windowing, id, place } = scope;
    const edge = this.#follow(port, scope, port.links[0]?.place ?? place, () => {
      const edges = parent ? this.edges(port, parent) : [];
      if (edges.length < port.links.length) return undefined;
      const suffix = port.key === 'input' ? '' : `[${port.key}]`;
      const [merged] = this.#drafts.merge(edges, id, `Flatten${suffix}`, place);
      return merged && windowing ? this.#drafts.window(merged, windowing, id, `WindowInto${suffix}`) : merged;
    });
    this.#scopeInputs.set(port, edge);
    return edge;
  }

  #follow(key: object, scope: Scope, place: string, step: () => Edge | undefined): Edge | undefined {
    if (this.#following.has(key)) {
      this.#faults.add(place, `a cycle: ${scope.label} -> ${scope.label}`);
      return undefined;
    }
    this.#following.add(key);
    const edge = step();
    this.#following.delete(key);
    return edge;
  }
}

/** Why this output of a transform, or its only one, cannot be read. */
function outputFault({ label, errorHandling }: Leaf, output: string | undefined, names: string[]): string {
  const errors = errorHandling ? [errorHandling.output] : [];
  const known = [...names, ...errors];
  const isPlain = output === undefined || GOOD_OUTPUTS.includes(output);
  if (names.length === 0 && isPlain) {
    const hint = errorHandling ? `: only ${label}.${errorHandling.output}` : '';
    return `${label} writes to the outside and has no output to read${hint}`;
  }
  if (output === undefined) {
    const all = listed(known.map(name => `${label}.${name}`));
    return `${label} has several outputs: read ${all}`;
  }
  const isOnlyGood = known.length === 0 || (known.length === 1 && known[0] === 'good');
  const why = isOnlyGood ? `: ${label} has no error_handling` : suggestion(output, known);
  return `${label} has no output ${output}${why}`;
}
