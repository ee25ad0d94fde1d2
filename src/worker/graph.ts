/** The graph that a job runs. */
import { replayGraph } from '../dlq/replay-graph.ts';
import type { Graph } from '../engine/graph.ts';
import { resolvePipeline } from '../pipeline/resolve.ts';
import { registry } from '../registry.ts';
import type { Job } from './job-file.ts';
import { programGraph } from './program.ts';

type JobGraph = Pick<Job, 'id' | 'pipeline' | 'replay' | 'program'>;

/** @throws SluiceError PIPELINE_INVALID, REPLAY_REFUSED */
export function graphOf({ id, pipeline, replay, program }: JobGraph): Graph {
  if (program) return programGraph;
  const graph = resolvePipeline(pipeline, registry);
  return replay ? replayGraph(graph, replay, id) : graph;
}
