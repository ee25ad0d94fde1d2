/** A pipeline as a picture: boxes in rows from what is read down to what is written, dead letters in a lane beside. */
import type { Graph, GraphNode } from '../engine/graph.ts';

export interface PipelineNode {
  id: string;
  /** What the pipeline calls it. */
  title: string;
  /** The type of its component. */
  type: string;
  kind: 'source' | 'transform' | 'sink';
  deadLetter: boolean;
  inputs: readonly { from: string; output: string }[];
  /** In words, of what is not always there. */
  when?: string;
  /** A line below the type: counts, rates. */
  note?: string;
  mark?: 'slow' | 'failing';
}

/** What the partial `graph` shows; lengths are in pixels. */
export interface Picture {
  width: number;
  height: number;
  /** It needs more room than beside something else. */
  isWide: boolean;
  /** How many transforms are not drawn, when there are too many. */
  more?: number;
  /** For those who cannot see it. */
  sentence: string;
  boxes: PictureBox[];
  lines: PictureLine[];
}

export interface PictureBox extends Omit<PipelineNode, 'inputs'> {
  x: number;
  y: number;
  /** As much of the names as there is room for; no type where the title says it. */
  shortTitle: string;
  shortType: string;
  typeY: number;
  noteY: number;
  height: number;
  width: number;
  textX: number;
  titleY: number;
}

export interface PictureLine {
  /** `Read>Parse`, unique. */
  id: string;
  isError: boolean;
  path: string;
  label?: string;
  labelX: number;
  labelY: number;
}

const BOX = { width: 168, height: 46, noted: 62, padding: 10 };
const GAP = { x: 28, y: 34 };
const MARGIN = 4;
const MAX_BOXES = 200;
/** Characters that fit into a box. */
const MAX_TITLE = 20;
const MAX_TYPE = 24;

/** The nodes of a job's graph, without the merges that nobody has named: lines that join say as much. */
export function pipelineNodes({ nodes }: Graph): PipelineNode[] {
  const merges = new Map(nodes.filter(isMerge).map(({ id, inputs }) => [id, inputs]));
  const behind = (input: GraphNode['inputs'][number]): GraphNode['inputs'] =>
    merges.get(input.from)?.flatMap(behind) ?? [input];
  return nodes
    .filter(({ id }) => !merges.has(id))
    .map(({ id, component, deadLetter, inputs }) => ({
      id,
      title: id.slice(id.lastIndexOf('/') + 1),
      type: component.name,
      kind: component.kind,
      deadLetter,
      inputs: inputs.flatMap(behind),
    }));
}

const isMerge = ({ id, component }: GraphNode): boolean =>
  component.name === 'Flatten' && /(?:^|\/)Flatten(?:\[[^/]*\])?(?:-\d+)?$/.test(id);

/**
 * The picture of what comes first to last; of a very large pipeline the beginning.
 * @param labels what stands at the lines, by their ids
 */
export function pictureOf(
  all: readonly PipelineNode[],
  labels: Readonly<Record<string, string>> = {},
): Picture {
  const nodes = all.slice(0, MAX_BOXES);
  const rows = rowsOf(nodes);
  const columns = columnsOf(nodes, rows);
  const height = nodes.some(({ note }) => note !== undefined) ? BOX.noted : BOX.height;
  const boxes = new Map(
    nodes.map(node => {
      const row = rows.get(node.id) ?? 0;
      const column = columns.get(node.id) ?? 0;
      return [node.id, boxOf(node, column * (BOX.width + GAP.x), row * (height + GAP.y), height)];
    }),
  );
  const lines = nodes.flatMap(node =>
    edgesInto(node).flatMap(edge => {
      const [from, to] = [boxes.get(edge.from), boxes.get(node.id)];
      return from && to ? [lineOf(from, to, edge.isError, labels)] : [];
    }),
  );
  const drawn = [...boxes.values()];
  const width = Math.max(0, ...drawn.map(({ x }) => x + BOX.width)) + MARGIN;
  return {
    width,
    height: Math.max(0, ...drawn.map(({ y }) => y + height)) + MARGIN,
    isWide: width > 2 * (BOX.width + GAP.x) + MARGIN,
    sentence: sentenceOf(nodes),
    boxes: drawn,
    lines,
    ...(all.length > nodes.length && { more: all.length - nodes.length }),
  };
}

/** One for each node that is read, though several of its outputs are. */
function edgesInto({ inputs }: PipelineNode): { from: string; isError: boolean }[] {
  const edges = new Map<string, boolean>();
  for (const { from, output } of inputs) edges.set(from, (edges.get(from) ?? true) && output === 'errors');
  return [...edges].map(([from, isError]) => ({ from, isError }));
}

/** Each node below all that it reads, and dead letters below everything that may fail. */
function rowsOf(nodes: readonly PipelineNode[]): Map<string, number> {
  const byId = new Map(nodes.map(node => [node.id, node]));
  const rows = new Map<string, number>();
  const under = new Set<string>();
  const rowOf = (id: string): number => {
    const known = rows.get(id);
    const node = byId.get(id);
    if (known !== undefined || !node || under.has(id)) return known ?? 0;
    under.add(id);
    const row = Math.max(-1, ...edgesInto(node).map(({ from }) => rowOf(from))) + 1;
    rows.set(id, row);
    return row;
  };
  for (const { id } of nodes) rowOf(id);
  // A source stands right above what reads it.
  for (const { id, kind } of nodes) {
    if (kind !== 'source') continue;
    const readers = nodes.filter(({ inputs }) => inputs.some(({ from }) => from === id));
    if (readers.length > 0) rows.set(id, Math.min(...readers.map(reader => rows.get(reader.id) ?? 1)) - 1);
  }
  return rows;
}

/**
 * Below what it reads first, as far to the left as there is room for all that hangs below. What is not read first stands
 * next to its neighbour; dead letters have lanes of their own, at the right.
 */
function columnsOf(nodes: readonly PipelineNode[], rows: ReadonlyMap<string, number>): Map<string, number> {
  const children = childrenOf(nodes);
  const treeOf = (node: PipelineNode): Map<string, number> => {
    const tree = new Map([[node.id, 0]]);
    for (const child of children.get(node.id) ?? []) join(tree, treeOf(child), rows, 0);
    return tree;
  };
  const columns = new Map<string, number>();
  const roots = nodes.filter(node => above(node, nodes) === undefined);
  const isLone = (node: PipelineNode) => !node.deadLetter && !children.has(node.id);
  for (const root of roots.filter(each => !isLone(each) && !each.deadLetter))
    join(columns, treeOf(root), rows, 0);
  for (const root of roots.filter(isLone))
    join(columns, treeOf(root), rows, readerColumn(root, nodes, columns));
  for (const root of roots.filter(each => each.deadLetter))
    join(columns, treeOf(root), rows, Math.max(-1, ...columns.values()) + 1);
  return columns;
}

/** Puts a tree beside what has its places already, at the first column from `column` on where nothing lies on it. */
function join(
  placed: Map<string, number>,
  tree: ReadonlyMap<string, number>,
  rows: ReadonlyMap<string, number>,
  column: number,
): void {
  const taken = new Set([...placed].map(([id, at]) => `${rows.get(id)} ${at}`));
  let shift = column;
  while ([...tree].some(([id, at]) => taken.has(`${rows.get(id)} ${at + shift}`))) shift++;
  for (const [id, at] of tree) placed.set(id, at + shift);
}

function readerColumn(
  { id }: PipelineNode,
  nodes: readonly PipelineNode[],
  columns: ReadonlyMap<string, number>,
): number {
  const reader = nodes.find(({ inputs }) => inputs.some(({ from }) => from === id));
  return columns.get(reader?.id ?? '') ?? 0;
}

/** What a node hangs below: the first that it reads whose elements have not failed on the way. */
const above = ({ inputs, deadLetter }: PipelineNode, nodes: readonly PipelineNode[]): string | undefined =>
  inputs.find(
    ({ from, output }) =>
      output !== 'errors' && nodes.some(each => each.id === from && each.deadLetter === deadLetter),
  )?.from;

function childrenOf(nodes: readonly PipelineNode[]): Map<string, PipelineNode[]> {
  const children = new Map<string, PipelineNode[]>();
  for (const node of nodes) {
    const parent = above(node, nodes);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), node]);
  }
  return children;
}

function boxOf({ inputs: _, ...node }: PipelineNode, x: number, y: number, height: number): PictureBox {
  const [left, top] = [x + MARGIN, y + MARGIN];
  const shortType = node.type === node.title ? '' : shortened(node.type, MAX_TYPE);
  return {
    ...node,
    x: left,
    y: top,
    width: BOX.width,
    height,
    textX: left + BOX.padding,
    titleY: top + 19,
    typeY: top + 36,
    noteY: top + (shortType === '' ? 36 : 53),
    shortTitle: shortened(node.title, MAX_TITLE),
    shortType,
  };
}

function lineOf(
  from: PictureBox,
  to: PictureBox,
  isError: boolean,
  labels: Readonly<Record<string, string>>,
): PictureLine {
  const id = `${from.id}>${to.id}`;
  const x1 = from.x + BOX.width / 2;
  const x2 = to.x + BOX.width / 2;
  const y1 = from.y + from.height;
  const y2 = to.y;
  const label = labels[id];
  const shared = { id, isError, ...(label !== undefined && { label }) };
  if (isError && to.x > from.x) {
    // Out at the side, then down the lane that all failed elements share.
    const [side, y] = [from.x + BOX.width, from.y + from.height / 2];
    const bend = Math.min(10, (y2 - y) / 2);
    return {
      ...shared,
      path: `M${side} ${y}H${x2 - bend}Q${x2} ${y} ${x2} ${y + bend}V${y2}`,
      labelX: side + 6,
      labelY: y - 5,
    };
  }
  const middle = (y1 + y2) / 2;
  return {
    ...shared,
    path: x1 === x2 ? `M${x1} ${y1}V${y2}` : `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`,
    labelX: (x1 + x2) / 2 + 6,
    labelY: middle + 4,
  };
}

const shortened = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

/** `Read gives to Udf; Udf gives to Write, its failed elements to DeadLetters.` */
function sentenceOf(nodes: readonly PipelineNode[]): string {
  const titles = new Map(nodes.map(({ id, title }) => [id, title]));
  const readersOf = (id: string, isError: boolean): string[] =>
    nodes
      .filter(node => edgesInto(node).some(edge => edge.from === id && edge.isError === isError))
      .map(({ title }) => title);
  const parts = [...titles].flatMap(([id, title]) => {
    const [good, failed] = [readersOf(id, false), readersOf(id, true)];
    const words = [
      ...(good.length > 0 ? [`gives to ${good.join(' and ')}`] : []),
      ...(failed.length > 0 ? [`gives failed elements to ${failed.join(' and ')}`] : []),
    ];
    return words.length > 0 ? [`${title} ${words.join(', ')}`] : [];
  });
  return parts.length > 0 ? `${parts.join('; ')}.` : nodes.map(({ title }) => title).join(', ');
}
