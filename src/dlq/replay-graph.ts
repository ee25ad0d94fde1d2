/** The graph of a replay: that of the job, with dead letters for its sources, a newer UDF, and outputs of its own. */
import type { Graph, GraphNode } from '../engine/graph.ts';
import { SluiceError } from '../errors.ts';
import { readFromDeadLetters } from './replay-source.ts';

/** What the record of a replay says beside the pipeline, which is the job's own. */
export interface Replay {
  /** The job whose dead letters it runs again. */
  of: string;
  /** What its function is to be instead. */
  udf?: { path?: string; function?: string };
}

/** @throws SluiceError REPLAY_REFUSED when there is no one function to be changed */
export function replayGraph(graph: Graph, { udf }: Replay, jobId: string): Graph {
  const functions = graph.nodes.filter(isUdf);
  if (udf && functions.length !== 1) {
    const names = functions.map(({ id }) => id).join(', ');
    throw new SluiceError(
      'REPLAY_REFUSED',
      functions.length === 0
        ? 'the pipeline of the job has no function that --udf or --function could change'
        : `the pipeline of the job has several functions (${names}): change one with --parameters`,
    );
  }
  return { nodes: graph.nodes.map(node => replayNode(node, udf, jobId)) };
}

function replayNode(node: GraphNode, udf: Replay['udf'], jobId: string): GraphNode {
  const { component, config } = node;
  if (component.kind === 'source') return { ...node, component: readFromDeadLetters, config: {} };
  if (component.kind === 'sink')
    return { ...node, config: component.beside?.(config, `replay-${jobId}`) ?? config };
  return udf && isUdf(node) ? { ...node, config: changed(config as object, udf) } : node;
}

const isUdf = ({ component }: GraphNode): boolean => component.name === 'JavaScriptUdf';

function changed(config: object, udf: NonNullable<Replay['udf']>): object {
  const { source: _, ...kept } = config as { source?: string };
  return { ...(udf.path === undefined ? config : kept), ...udf };
}

/** Sources whose elements several transforms read: each of those would take a replayed element once more. */
export function branchesOf({ nodes }: Graph): string[] {
  const readers = new Map<string, string[]>();
  for (const { id, inputs } of nodes)
    for (const { from, output } of inputs) {
      const key = `${from}.${output}`;
      readers.set(key, [...(readers.get(key) ?? []), id]);
    }
  const isResult = (key: string) => !key.endsWith('.errors');
  return [...readers].flatMap(([key, ids]) => (ids.length > 1 && isResult(key) ? [ids.join(', ')] : []));
}
