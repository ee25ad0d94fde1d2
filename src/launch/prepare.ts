/** From what the user asks for to a job that can be started: everything is checked before anything runs. */
import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { renderTemplate } from '../catalog/render.ts';
import type { Template } from '../catalog/template.ts';
import { validateParameters } from '../catalog/validate.ts';
import { readTextFile } from '../cloud/storage.ts';
import { type Config, jobDirectory } from '../config.ts';
import { letterPlaces } from '../dlq/places.ts';
import type { Replay } from '../dlq/replay-graph.ts';
import type { Graph, GraphNode } from '../engine/graph.ts';
import { readSecrets } from '../engine/secrets.ts';
import { SluiceError } from '../errors.ts';
import { newJobId } from '../jobs/job.ts';
import { parseYaml } from '../pipeline/yaml.ts';
import type { JobContainer } from '../worker/container.ts';
import { graphOf } from '../worker/graph.ts';
import type { Job } from '../worker/job-file.ts';
import { requireAllowedPaths, requireOwnPlaces } from './paths.ts';
import { keepUdfs, pinUdfs } from './pin-udfs.ts';
import { programCall } from './program.ts';
import { type Secrets, takeSecrets } from './secrets.ts';

/** Parameters as a user gives them: text mostly, since `gcloud` sends nothing else. */
export type GivenParameters = Record<string, unknown>;

export interface LaunchRequest {
  /** A template's id or alias; or … */
  templateId?: string;
  /** … the template itself, where it is none of the catalog; or … */
  template?: Template;
  /** … a file with a pipeline. */
  pipeline?: string;
  parameters?: GivenParameters;
  numWorkers?: number;
  /** The most workers it may have; by itself it asks for no more than one. */
  maxWorkers?: number;
  /** The name that the job is to have; a program is told. */
  jobName?: string;
  /** Nothing is going to run, so nothing is kept for it. */
  dryRun?: boolean;
}

export interface PreparedJob {
  job: Job;
  graph: Graph;
  /** What its parameters hold only references to: `keepSecrets` gives it to the workers. */
  secrets?: Secrets;
}

/**
 * @param catalog where templates are found; without one it is read now
 * @throws SluiceError for anything that the job could not be started with
 */
export async function prepareJob(
  config: Config,
  request: LaunchRequest,
  catalog?: Catalog,
): Promise<PreparedJob> {
  const id = newJobId();
  const { options, secrets, ...rendered } = await pipelineOf(config, id, request, catalog);
  const most = request.maxWorkers ?? options.maxNumWorkers ?? options.maxWorkers ?? Number.POSITIVE_INFINITY;
  const workers = Math.min(request.numWorkers ?? Number(options.numWorkers ?? 1), Number(most));
  const job = { id, streaming: false, ...rendered, createTime: now(), workers };
  const completed = await complete(config, job, request.dryRun);
  requireOwnPlaces(completed.graph, id, config);
  return { ...completed, secrets };
}

/**
 * The job that runs dead letters of `original` again, in a worker of its own: through the pipeline as it was, or as
 * its template is rendered with some parameters changed.
 */
export async function prepareReplay(
  config: Config,
  original: Job,
  { udf, parameters, id = newJobId() }: Pick<Replay, 'udf'> & { parameters?: GivenParameters; id?: string },
): Promise<PreparedJob> {
  const { templateId } = original;
  const rendered = parameters ? await renderAnew(config, id, original, parameters) : original;
  const { pipeline, parameters: kept } = rendered;
  const secrets = {
    ...(await readSecrets(config, original.id)),
    ...('secrets' in rendered && rendered.secrets),
  };
  const replay: Replay = { of: original.id, ...(udf && { udf }) };
  const job = { id, templateId, parameters: kept, createTime: now(), streaming: false, workers: 1, pipeline };
  return { ...(await complete(config, { ...job, replay })), secrets };
}

async function complete(config: Config, given: Job, dryRun = false): Promise<PreparedJob> {
  const { job, pins } = pinUdfs(given, config);
  const graph = graphOf(job);
  if (!dryRun) await keepUdfs(pins, config);
  const streaming = job.program ? job.streaming : graph.nodes.some(isEndless);
  return { graph, job: { ...job, streaming, deadLetters: letterPlaces(graph, job.id) } };
}

async function renderAnew(config: Config, jobId: string, original: Job, changed: GivenParameters) {
  const { templateId, parameters, container } = original;
  if (templateId === undefined || parameters === undefined)
    throw usage(`job ${original.id} was launched without a template: its parameters cannot be changed`);
  const template = container && (await templateIn(container, templateId, config));
  return pipelineOf(config, jobId, {
    ...(template ? { template } : { templateId }),
    parameters: { ...parameters, ...changed },
  });
}

/** The template that came in the image of a job; undefined where the image is but the worker's. */
async function templateIn(
  container: JobContainer,
  templateId: string,
  config: Config,
): Promise<Template | undefined> {
  const { keptTemplate } = await import('../flex/image-template.ts');
  const template = await keptTemplate(config, container);
  return template?.id === templateId ? template : undefined;
}

const now = (): string => new Date().toISOString();

type Rendered = Partial<Pick<Job, 'templateId' | 'parameters' | 'pipeline' | 'program'>> & {
  streaming?: boolean;
  options: Record<string, unknown>;
  secrets: Secrets;
};

async function pipelineOf(
  config: Config,
  jobId: string,
  { templateId, template: given, pipeline, parameters = {}, jobName }: LaunchRequest,
  catalog?: Catalog,
): Promise<Rendered> {
  if ((templateId ?? given) !== undefined && pipeline !== undefined)
    throw usage('name a template or a --pipeline, not both');
  if (pipeline !== undefined) {
    if (Object.keys(parameters).length > 0)
      throw usage('--pipeline takes no --parameters: use the template Yaml_Template');
    return {
      pipeline: parseYaml(await readTextFile(pipeline, 'the pipeline', config), pipeline),
      options: noOptions,
      secrets: {},
    };
  }
  const template = given ?? (await templateNamed(templateId, config, catalog));
  const validated = validateParameters(template, parameters);
  requireAllowedPaths(template, validated.parameters, config);
  const { parameters: shown, secrets } = takeSecrets(template, validated.parameters);
  const context = { jobId, jobDirectory: jobDirectory(config, jobId), config };
  const prepared = { templateId: template.id, parameters: shown, options: validated.options, secrets };
  if (!template.program) return { ...prepared, pipeline: await renderTemplate(template, shown, context) };
  const call = { ...programCall(template, shown, config), ...(jobName !== undefined && { jobName }) };
  return { ...prepared, streaming: template.streaming, program: call };
}

async function templateNamed(id: string | undefined, config: Config, catalog?: Catalog): Promise<Template> {
  if (id === undefined) throw usage('name a template, or give a --pipeline');
  return (catalog ?? (await loadCatalog(config))).find(id);
}

const noOptions: Record<string, unknown> = {};

const usage = (why: string): SluiceError => new SluiceError('USAGE', why);

function isEndless({ component, config }: GraphNode): boolean {
  if (component.kind !== 'source') return false;
  const { streaming = false } = component;
  return typeof streaming === 'function' ? streaming(config) : streaming;
}
