/** What the pipeline of a template is made of before anybody has given parameters: everything that may be there. */
import { isMapping, type Mapping } from '../pipeline/tree.ts';

export interface OutlineNode {
  id: string;
  /** Its name or, without one, its type. */
  title: string;
  type: string;
  kind: 'source' | 'transform' | 'sink';
  inputs: OutlineInput[];
  /** True below failed elements only. */
  deadLetter: boolean;
  /** The expression under which it is there; absent: always. */
  when?: string;
}

export interface OutlineInput {
  from: string;
  /** `good`, `errors`, or the name of a further output. */
  output: string;
}

/** Undefined: there is no such component. */
export type KindOfType = (type: string) => OutlineNode['kind'] | undefined;

/**
 * The transforms of a pipeline as it is written, and what each reads. Of what stands next to each other in a chain and
 * excludes each other (sources, sinks, conditional transforms of one type) each reads what the first of them does.
 */
export function outlineOf(pipeline: unknown, kindOf: KindOfType): OutlineNode[] {
  const nodes: OutlineNode[] = [];
  if (isMapping(pipeline)) readScope(pipeline, '', new Map(), { nodes, kindOf });
  const dead = new Map<string, boolean>();
  for (const node of nodes) node.deadLetter = isDeadLetter(node, nodes, dead);
  return nodes;
}

interface Reading {
  nodes: OutlineNode[];
  kindOf: KindOfType;
}

/** What a name may stand for: what it gives, by output. */
type Given = ReadonlyMap<string, (output: string | undefined) => OutlineInput[]>;

interface Chained {
  spec: Mapping;
  inputs: OutlineInput[];
}

/** Reads the members of a chain or a composite, and gives what it gives. */
function readScope(scope: Mapping, path: string, outer: Given, reading: Reading): OutlineInput[] {
  const known = new Map(outer);
  const isChain = scope.type === 'chain' || 'source' in scope || 'sink' in scope;
  const members = [scope.source, ...listOf(scope.transforms), scope.sink].filter(isMapping);
  let before: Chained | undefined;
  let tail: OutlineInput[] = isChain ? named('input', outer) : [];
  for (const spec of members) {
    const isBeside = before !== undefined && excludeEachOther(before.spec, spec, reading.kindOf);
    const inputs = isBeside && before ? before.inputs : isChain ? tail : inputsOf(spec, known);
    const given = readMember(spec, inputs, path, known, reading);
    if (isBeside) tail = [...tail, ...given];
    else if (given.length > 0) tail = given;
    before = isChain ? { spec, inputs } : undefined;
  }
  for (const spec of listOf(scope.extra_transforms).filter(isMapping))
    readMember(spec, inputsOf(spec, known), path, known, reading);
  return isChain ? tail : outputsOf(scope.output, known);
}

function readMember(
  spec: Mapping,
  inputs: OutlineInput[],
  path: string,
  known: Map<string, (output: string | undefined) => OutlineInput[]>,
  reading: Reading,
): OutlineInput[] {
  const type = String(spec.type ?? '');
  const title = String(spec.name ?? type);
  const id = idOf(path ? `${path}/${title}` : title, reading.nodes);
  if (spec.transforms !== undefined) {
    const inner = new Map([...known, ['input', () => inputs] as const]);
    const given = readScope(spec, id, inner, reading);
    known.set(title, () => given);
    return given;
  }
  const kind = reading.kindOf(type) ?? 'transform';
  const when = typeof spec.when === 'string' ? spec.when : undefined;
  const read = kind === 'source' ? [] : inputs;
  reading.nodes.push({ id, title, type, kind, inputs: read, deadLetter: false, ...(when && { when }) });
  const errors = Object(Object(spec.config).error_handling).output;
  const gives = (output: string | undefined) => [
    { from: id, output: output === undefined ? 'good' : output === errors ? 'errors' : output },
  ];
  known.set(title, gives);
  if (!known.has(type)) known.set(type, gives);
  return kind === 'sink' ? [] : gives(undefined);
}

/** Neighbours of which a job has one. */
function excludeEachOther(a: Mapping, b: Mapping, kindOf: KindOfType): boolean {
  if (a.when === undefined || b.when === undefined) return false;
  const kind = kindOf(String(a.type));
  return a.type === b.type || ((kind === 'source' || kind === 'sink') && kind === kindOf(String(b.type)));
}

const inputsOf = (spec: Mapping, known: Given): OutlineInput[] =>
  (isMapping(spec.input) ? Object.values(spec.input).flat() : listOf(spec.input)).flatMap(name =>
    named(name, known),
  );

const outputsOf = (output: unknown, known: Given): OutlineInput[] =>
  (isMapping(output) ? Object.values(output).flat() : listOf(output)).flatMap(name => named(name, known));

/** `Parse`, or `Parse.errors`. */
function named(name: unknown, known: Given): OutlineInput[] {
  const text = String(name);
  const whole = known.get(text);
  if (whole) return whole(undefined);
  const dot = text.lastIndexOf('.');
  return dot < 0 ? [] : (known.get(text.slice(0, dot))?.(text.slice(dot + 1)) ?? []);
}

function idOf(base: string, nodes: readonly OutlineNode[]): string {
  let id = base;
  for (let n = 2; nodes.some(each => each.id === id); n++) id = `${base}-${n}`;
  return id;
}

function isDeadLetter(
  node: OutlineNode,
  nodes: readonly OutlineNode[],
  known: Map<string, boolean>,
): boolean {
  const said = known.get(node.id);
  if (said !== undefined) return said;
  // A circle, which a pipeline may not have, ends here.
  known.set(node.id, false);
  const is =
    node.inputs.length > 0 &&
    node.inputs.every(({ from, output }) => {
      const above = nodes.find(({ id }) => id === from);
      return output === 'errors' || (above !== undefined && isDeadLetter(above, nodes, known));
    });
  known.set(node.id, is);
  return is;
}

const listOf = (value: unknown): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
