/** The graphs of jobs, for those who look at them. */
import type { Graph } from '../engine/graph.ts';
import { SluiceError } from '../errors.ts';
import { loadJob } from '../jobs/job.ts';
import { graphOf } from '../worker/graph.ts';
import type { Service } from './service.ts';

const MAX_KEPT = 200;
const kept = new Map<string, Graph>();

/** What a job runs; undefined when its files are gone. The last ones asked for are kept. */
export async function jobGraph(
  { config }: Pick<Service, 'config'>,
  jobId: string,
): Promise<Graph | undefined> {
  const known = kept.get(jobId);
  kept.delete(jobId);
  const graph = known ?? (await readGraph(config, jobId));
  if (!graph) return undefined;
  kept.set(jobId, graph);
  const [oldest] = kept.keys();
  if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  return graph;
}

async function readGraph(config: Service['config'], jobId: string): Promise<Graph | undefined> {
  try {
    return graphOf(await loadJob(config, jobId));
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'JOB_NOT_FOUND') return undefined;
    throw error;
  }
}
