/** The graph that a job runs. */
import { replayGraph } from '../dlq/replay-graph.ts';
import type { Graph } from '../engine/graph.ts';
import { resolvePipeline } from '../pipeline/resolve.ts';
import { registry } from '../registry.ts';
import type { Job } from './job-file.ts';

/** @throws SluiceError PIPELINE_INVALID, REPLAY_REFUSED */
export function graphOf({
  id,
  pipeline,
  replay,
  container,
}: Pick<Job, 'id' | 'pipeline' | 'replay' | 'container'>): Graph {
  // What a program does, only it knows.
  if (container?.isProgram) return { nodes: [] };
  const graph = resolvePipeline(pipeline, registry);
  return replay ? replayGraph(graph, replay, id) : graph;
}
