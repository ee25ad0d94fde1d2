/** The workers of a job, each by itself. */
import { type Totals, totalsOf } from '../engine/counters.ts';
import { jobFile } from '../jobs/job.ts';
import { containerName } from '../launchers/docker/names.ts';
import { lastWordsIn } from '../launchers/last-words.ts';
import { isEnded } from '../store/states.ts';
import { withoutCommands } from '../worker/check-told.ts';
import { holderOf } from '../worker/claim.ts';
import { workerDirectory } from '../worker/places.ts';
import { readProgress } from '../worker/read-progress.ts';
import { jobGraph } from './graph.ts';
import type { Service } from './service.ts';

export interface ShownWorker {
  /** From 0 on. */
  index: number;
  /** Of its process, while it runs; absent for one in a container. */
  pid?: number;
  /** The name of its container. */
  container?: string;
  /** While its job is at work, as far as it has told. */
  elements?: Totals['elements'];
  /** Of it and its children. */
  memoryBytes?: number;
  /** The last it said on stderr, which is nothing where all goes well. */
  lastWords?: string;
}

/** @throws SluiceError JOB_NOT_FOUND, WORKER_FAULTY */
export async function jobWorkers(service: Service, jobId: string): Promise<ShownWorker[]> {
  const { config, store } = service;
  const { workers, container, state } = store.jobs.require(jobId);
  const graph = await jobGraph(service, jobId);
  const isLive = !isEnded(state);
  const file = jobFile(config, jobId);
  return Promise.all(
    Array.from({ length: workers }, async (_, index): Promise<ShownWorker> => {
      const directory = workerDirectory(file, index);
      const progress = isLive && graph ? await readProgress(directory) : undefined;
      const pid = container ? undefined : holderOf(directory)?.pid;
      const words = withoutCommands(lastWordsIn(directory));
      return {
        index,
        ...(pid !== undefined && { pid }),
        ...(container && { container: containerName(jobId, index) }),
        ...(progress && graph && { elements: totalsOf(graph, progress.counters).elements }),
        ...(progress?.gauges?.memoryBytes !== undefined && { memoryBytes: progress.gauges.memoryBytes }),
        ...(words !== '' && { lastWords: words }),
      };
    }),
  );
}
