/** What is checked of a job before a server takes it, beyond its parameters and its pipeline. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Config } from '../config.ts';
import type { GraphNode } from '../engine/graph.ts';
import { SluiceError } from '../errors.ts';
import { loadScripts } from '../udf/load-scripts.ts';
import type { PreparedJob } from './prepare.ts';

/** More processes than that help no machine that has to run them. */
const MAX_WORKERS = 64;
const MAX_LOADING = 4;
const MAX_REMEMBERED = 1000;

/**
 * Refuses what its workers would refuse as soon as they started: functions that cannot be loaded, and more workers than
 * can share the job. Whether its inputs can be read the workers find out.
 */
export async function checkLaunch(config: Config, prepared: PreparedJob): Promise<void> {
  checkWorkers(prepared);
  for (const node of prepared.graph.nodes)
    if (node.component.name === 'JavaScriptUdf') await checkFunction(config, prepared, node);
}

function checkWorkers({ job: { workers }, graph }: PreparedJob): void {
  if (workers > MAX_WORKERS)
    throw refused(`${workers} workers are more than a job may have, which is ${MAX_WORKERS}`);
  const whole = graph.nodes.find(({ component }) => component.kind === 'transform' && component.whole);
  if (whole && workers > 1)
    throw refused(
      `${whole.id} must see all elements, of which ${workers} workers would each see a part: launch the job with one worker`,
    );
}

const refused = (why: string): SluiceError =>
  new SluiceError('PARAMETERS_INVALID', `The job cannot be launched: numWorkers: ${why}`, {
    violations: [{ subject: 'numWorkers', message: why }],
  });

/** What was loaded once need not be loaded again: templates are launched often with the same function. */
const loadable = new Set<string>();
let loading = 0;
const waiting: (() => void)[] = [];

async function checkFunction(config: Config, { job }: PreparedJob, node: GraphNode): Promise<void> {
  const { component, input, inputs, windowing } = node;
  if (component.kind !== 'transform') return;
  const settings = node.config as { path?: string };
  const scripts = settings.path === undefined ? [] : await loadScripts(settings.path, config);
  const key = createHash('sha256')
    .update(JSON.stringify([settings, input, scripts]))
    .digest('base64');
  if (loadable.has(key)) return;
  if (loading >= MAX_LOADING) await new Promise<void>(resolve => waiting.push(resolve));
  loading++;
  try {
    const transform = await component.open(node.config, {
      stage: node.id,
      jobId: job.id,
      keptAs: { jobId: job.id, stage: node.id },
      config,
      worker: { index: 0, count: 1 },
      streaming: job.streaming,
      deadLetter: node.deadLetter,
      input,
      inputs: inputs.map(({ name, type }) => ({ name, type: type ?? input ?? { form: 'row' } })),
      windowing,
      jobDirectory: tmpdir(),
      report: () => {},
    });
    await transform.close?.(true);
  } finally {
    loading--;
    waiting.shift()?.();
  }
  if (loadable.size >= MAX_REMEMBERED) loadable.clear();
  loadable.add(key);
}
