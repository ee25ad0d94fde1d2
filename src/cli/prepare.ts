/** From what the user asks for to a job that can be started: everything is checked before anything runs. */
import { loadCatalog } from '../catalog/catalog.ts';
import { renderTemplate } from '../catalog/render.ts';
import { validateParameters } from '../catalog/validate.ts';
import { readTextFile } from '../cloud/storage.ts';
import { type Config, jobDirectory } from '../config.ts';
import type { Graph } from '../engine/graph.ts';
import { SluiceError } from '../errors.ts';
import { newJobId } from '../jobs/job.ts';
import { resolvePipeline } from '../pipeline/resolve.ts';
import { parseYaml } from '../pipeline/yaml.ts';
import { registry } from '../registry.ts';
import type { Job } from '../worker/job-file.ts';
import type { GivenParameters } from './parameters.ts';

export interface LaunchRequest {
  /** A template's id or alias; or … */
  templateId?: string;
  /** … a file with a pipeline. */
  pipeline?: string;
  parameters?: GivenParameters;
  numWorkers?: number;
}

export interface PreparedJob {
  job: Job;
  graph: Graph;
}

/** @throws SluiceError for anything that the job could not be started with */
export async function prepareJob(config: Config, request: LaunchRequest): Promise<PreparedJob> {
  const id = newJobId();
  const { pipeline, templateId, options } = await pipelineOf(config, id, request);
  const graph = resolvePipeline(pipeline, registry);
  const streaming = graph.nodes.some(({ component }) => component.kind === 'source' && component.streaming);
  const workers = request.numWorkers ?? Number(options.numWorkers ?? 1);
  const createTime = new Date().toISOString();
  return { graph, job: { id, templateId, createTime, streaming, workers, pipeline } };
}

async function pipelineOf(
  config: Config,
  jobId: string,
  { templateId, pipeline, parameters = {} }: LaunchRequest,
) {
  if (templateId !== undefined && pipeline !== undefined)
    throw usage('name a template or a --pipeline, not both');
  if (pipeline !== undefined) {
    if (Object.keys(parameters).length > 0)
      throw usage('--pipeline takes no --parameters: use the template Yaml_Template');
    return {
      pipeline: parseYaml(await readTextFile(pipeline, 'the pipeline', config), pipeline),
      options: noOptions,
    };
  }
  if (templateId === undefined) throw usage('name a template, or give a --pipeline');
  const template = await (await loadCatalog(config)).find(templateId);
  const validated = validateParameters(template, parameters);
  const context = { jobId, jobDirectory: jobDirectory(config, jobId), config };
  return {
    templateId: template.id,
    options: validated.options,
    pipeline: await renderTemplate(template, validated.parameters, context),
  };
}

const noOptions: Record<string, unknown> = {};

const usage = (why: string): SluiceError => new SluiceError('USAGE', why);
