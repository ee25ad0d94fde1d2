/** From the tree of scopes to drafts of nodes that know what they read. */
import type { Component } from '../engine/component.ts';
import { type Draft, Drafts, type Registry } from './drafts.ts';
import type { Faults } from './faults.ts';
import { Follower } from './follow.ts';
import type { StageIds } from './stage-ids.ts';
import { listed } from './suggest.ts';
import type { Leaf, Member, Port, Scope } from './tree.ts';

/** Every transform of the tree, connected; an input that names nothing, or too much, is a fault. */
export function connect(root: Scope, registry: Registry, ids: StageIds, faults: Faults): Draft[] {
  const drafts = new Drafts(registry, ids, faults);
  const follower = new Follower(drafts, faults);
  const members = [...membersOf(root)];
  for (const member of members) if (member.kind === 'leaf') drafts.of(member);
  for (const member of members) {
    if (member.kind === 'leaf') connectLeaf(member, drafts, follower, faults);
    else checkBorder(member, follower);
  }
  return drafts.all();
}

function connectLeaf(leaf: Leaf, drafts: Drafts, follower: Follower, faults: Faults): void {
  const { id, inputs, scope, windowing } = leaf;
  const draft = drafts.of(leaf);
  const ports = inputs.map(port => ({ port, edges: follower.edges(port, scope) }));
  draft.broken = ports.some(({ port, edges }) => edges.length < Math.max(1, port.links.length));
  draft.inputs = ports.flatMap(({ edges }) => edges);
  const { component } = draft;
  if (!component) return;
  const fault = inputFault(leaf, component);
  if (fault) {
    const written = inputs[0]?.links[0];
    faults.add(written?.place ?? leaf.place, fault);
    draft.broken = true;
    return;
  }
  if (inputsOf(component) === 'named')
    draft.inputs = ports.flatMap(({ port: { key }, edges }) =>
      drafts.merge(edges, id, `Flatten[${key}]`, leaf.place).map(edge => ({ ...edge, name: key })),
    );
  else if (!inputsOf(component)) draft.inputs = drafts.merge(draft.inputs, id, 'Flatten', leaf.place);
  if (windowing)
    draft.inputs = draft.inputs.map(edge => ({
      ...drafts.window(
        edge,
        windowing,
        id,
        edge.name === undefined ? 'WindowInto' : `WindowInto[${edge.name}]`,
      ),
      ...(edge.name !== undefined && { name: edge.name }),
    }));
}

/** What is wrong with the number of inputs. */
function inputFault({ inputs, type, first, scope }: Leaf, component: Component): string | undefined {
  if (component.kind === 'source')
    return inputs.length === 0 ? undefined : `${type} reads from the outside and takes no input`;
  if (inputs.length === 0) {
    const hint = first
      ? 'it is the first of its chain, where a source stands'
      : scope.chain
        ? 'an extra transform names its own'
        : 'add input: NAME, since only a chain connects neighbours';
    return `${type} needs an input: ${hint}`;
  }
  if (component.kind === 'transform' && component.inputs === 'named')
    return component.unnamed ? undefined : unnamedFault(type, inputs);
  if (inputs.length === 1 || inputsOf(component)) return undefined;
  return `${type} takes one input, not ${listed(inputs.map(({ key }) => key))}: a list of names is merged into one`;
}

/** A single name, or a list of them, stands under the key `input`. */
function unnamedFault(type: string, inputs: readonly Port[]): string | undefined {
  if (inputs.length > 1 || inputs[0]?.key !== 'input') return undefined;
  return `${type} tells its inputs apart by name: write input: {left: NAME, right: OTHER}`;
}

const inputsOf = (component: Component): 'many' | 'named' | undefined =>
  component.kind === 'transform' ? component.inputs : undefined;

/** Follows what a scope says it takes and gives, also where nobody reads it, so that every wrong name is noted. */
function checkBorder(scope: Scope, follower: Follower): void {
  if (scope.parent) for (const port of scope.inputs) follower.edges(port, scope.parent);
  if (scope.outputs instanceof Map) for (const link of scope.outputs.values()) follower.edge(link, scope);
}

function* membersOf(scope: Scope): Generator<Member> {
  for (const member of scope.members) {
    yield member;
    if (member.kind === 'scope') yield* membersOf(member);
  }
}
