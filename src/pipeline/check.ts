/**
 * From connected drafts to a graph that can run: orders them, refuses cycles and error outputs that nobody
 * reads, and works out what each node is given: its form, its windowing, and whether it is a dead letter.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ElementType, Windowing } from '../engine/component.ts';
import type { GraphNode } from '../engine/graph.ts';
import { SluiceError } from '../errors.ts';
import type { Draft, Edge } from './drafts.ts';
import type { Faults } from './faults.ts';

/** The nodes in topological order; incomplete when there are faults, which are noted. */
export function check(drafts: Draft[], faults: Faults): GraphNode[] {
  checkErrorsRead(drafts, faults);
  const ordered = order(drafts, faults);
  if (!ordered) return [];
  const known = new Map<Draft, Known>();
  for (const draft of ordered) {
    const facts = factsOf(draft, known, faults);
    if (facts) known.set(draft, facts);
  }
  return [...known.values()].map(({ node }) => node);
}

interface Known {
  node: GraphNode;
  /** What failed elements keep. */
  inputWindowing: Windowing;
}

function checkErrorsRead(drafts: Draft[], faults: Faults): void {
  const read = new Set<Draft>();
  for (const { inputs } of drafts)
    for (const edge of inputs) if (edge.output === 'errors') read.add(edge.from);
  for (const draft of drafts) {
    const { errorHandling, id } = draft;
    if (!errorHandling || read.has(draft) || draft.component?.kind === 'source') continue;
    const output = `${id.slice(id.lastIndexOf('/') + 1)}.${errorHandling.output}`;
    faults.add(
      errorHandling.place,
      `nobody reads ${output}: give it as input to a transform that keeps the errors`,
    );
  }
}

/** What flows in before what it flows into, otherwise as written; undefined when there is a cycle. */
function order(drafts: Draft[], faults: Faults): Draft[] | undefined {
  const done = new Set<Draft>();
  const path: Draft[] = [];
  const onPath = new Set<Draft>();
  let cyclic = false;
  const visit = (draft: Draft): void => {
    if (done.has(draft)) return;
    if (onPath.has(draft)) {
      cyclic = true;
      noteCycle(path.slice(path.indexOf(draft)), faults);
      return;
    }
    path.push(draft);
    onPath.add(draft);
    for (const { from } of draft.inputs) visit(from);
    path.pop();
    onPath.delete(draft);
    done.add(draft);
  };
  for (const draft of drafts) visit(draft);
  return cyclic ? undefined : [...done];
}

/** Each of the circle reads the next one; told in the direction of the flow. */
function noteCycle(circle: Draft[], faults: Faults): void {
  const [first, ...others] = circle.filter(({ written }) => written);
  if (!first) return;
  const ids = [first, ...others.reverse(), first].map(({ id }) => id);
  faults.add(first.place, `a cycle: ${ids.join(' -> ')}`);
}

/** The node of a draft; undefined when it, or what it reads from, is at fault. */
function factsOf(draft: Draft, known: Map<Draft, Known>, faults: Faults): Known | undefined {
  const { component, config, place, id, errorHandling } = draft;
  if (!component || !config || draft.broken) return undefined;
  const flows = draft.inputs.flatMap(edge => {
    const from = known.get(edge.from);
    return (from && flowOf(edge, from)) ?? [];
  });
  if (flows.length < draft.inputs.length) return undefined;
  const before = faults.count;
  const [first] = flows;
  const apart = component.kind === 'transform' && component.inputs === 'named';
  for (const flow of flows.slice(1)) if (first) checkAgree(first, flow, apart, place, faults);
  const inputWindowing = windowingOf(flows);
  const facts = faults.count > before ? undefined : attempt(() => givenBy(draft, flows), place, faults);
  if (!facts) return undefined;
  const node: GraphNode = {
    id,
    component,
    config: config.value,
    inputs: draft.inputs.map(({ from, output, name }, i) => ({
      from: from.id,
      output,
      ...(name !== undefined && { name }),
      ...(flows[i] && { type: flows[i].type }),
    })),
    ...(first && { input: first.type }),
    ...(facts.output && { output: facts.output }),
    windowing: facts.windowing ?? inputWindowing,
    deadLetter: flows.length > 0 && flows.every(flow => flow.deadLetter),
    place,
  };
  if (errorHandling) {
    const { output, threshold } = errorHandling;
    node.errorHandling = { output, ...(threshold !== undefined && { threshold }) };
  }
  return { node, inputWindowing };
}

interface Flow {
  type: ElementType;
  windowing: Windowing;
  deadLetter: boolean;
  from: string;
}

function flowOf({ from, output }: Edge, { node, inputWindowing }: Known): Flow | undefined {
  const { windowing, deadLetter } = node;
  if (output === 'errors')
    return { type: { form: 'failure' }, windowing: inputWindowing, deadLetter: true, from: from.id };
  return node.output && { type: node.output, windowing, deadLetter, from: from.id };
}

/** Inputs that are merged must be of one kind, and of one windowing; those that are told `apart`, of one windowing. */
function checkAgree(first: Flow, other: Flow, apart: boolean, place: string, faults: Faults): void {
  if (!apart && formName(first.type) !== formName(other.type)) {
    const both = `${first.from} gives ${formName(first.type)}, ${other.from} gives ${formName(other.type)}`;
    faults.add(place, `inputs of one kind can be merged, but ${both}`);
  } else if (first.type.form !== 'failure' && !isDeepStrictEqual(first.windowing, other.windowing))
    faults.add(
      place,
      `inputs of one windowing can be merged, but ${first.from} and ${other.from} differ in theirs`,
    );
}

/** Failed elements of different windowings may meet: they are in none until they are windowed again. */
function windowingOf([first, ...others]: Flow[]): Windowing {
  const isSame = first && others.every(({ windowing }) => isDeepStrictEqual(windowing, first.windowing));
  return isSame ? first.windowing : { type: 'global' };
}

function formName(type: ElementType): string {
  if (type.form === 'text') return `text (${type.field})`;
  return type.form === 'row' ? 'rows' : 'failed elements';
}

/** What a component gives for what it gets; throws where it cannot take that. */
function givenBy(
  { component, config, inputs }: Draft,
  flows: readonly Flow[],
): { output?: ElementType; windowing?: Windowing } {
  if (component?.kind === 'source') return { output: component.output(config?.value) };
  const input = flows[0]?.type;
  if (!component || !input) return {};
  if (component.kind === 'sink') {
    component.accept?.(input, config?.value);
    return {};
  }
  const windowing = component.window?.(config?.value);
  const named = flows.map(({ type }, i) => ({ name: inputs[i]?.name, type }));
  return { output: component.output(input, config?.value, named), ...(windowing && { windowing }) };
}

function attempt<T>(step: () => T, place: string, faults: Faults): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    faults.add(place, error.message);
    return undefined;
  }
}
