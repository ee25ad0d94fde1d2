/** From what a launch asks for to what the containers of a job are made from. */
import { kindOf } from '../catalog/kinds/index.ts';
import type { Template } from '../catalog/template.ts';
import type { Config } from '../config.ts';
import type { Reach } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { connectEngine } from '../launchers/docker/engine.ts';
import { VERSION } from '../program.ts';
import { type JobContainer, WORKER_LABEL } from '../worker/container.ts';
import type { Job } from '../worker/job-file.ts';
import { type ContainerRequest, requireWorkerMemory, workerImageOf } from './container-request.ts';
import { type ResolvedImage, resolveImage } from './image.ts';
import type { PreparedJob } from './prepare.ts';
import { type JobReach, reachOf } from './reach.ts';

export interface ContainerLaunch {
  request: ContainerRequest;
  /** The template that was launched, if any. */
  template?: Template;
  /** The image that it comes in; absent for one of the catalog. */
  image?: ResolvedImage;
}

/**
 * The job with what its containers are made from.
 * @throws SluiceError ENGINE_UNREACHABLE, IMAGE_NOT_FOUND, IMAGE_FORBIDDEN, IMAGE_INVALID, and for paths that no container can have
 */
export async function inContainers<Prepared extends PreparedJob>(
  config: Config,
  prepared: Prepared,
  launch: ContainerLaunch,
): Promise<Prepared> {
  const { request } = launch;
  const isProgram = prepared.job.program !== undefined;
  const reach = reachOfJob(config, prepared, launch);
  if (!isProgram) requireWorkerMemory(request.limits);
  const resolved = await imageOf(config, launch);
  const { image, imageId, digest, labels } = resolved;
  if (prepared.job.program) requireStart(resolved, prepared.job.program.arguments);
  if (!isProgram && !labels[WORKER_LABEL])
    throw new SluiceError(
      'IMAGE_INVALID',
      `the image ${image} holds no worker of Sluice: use one that \`npm run images\` or \`sluice flex build\` makes, or that builds on such a one`,
    );
  const container: JobContainer = {
    image,
    imageId,
    ...(digest !== undefined && { digest }),
    isProgram,
    limits: request.limits,
    network: request.network ?? (isProgram ? 'jobs' : reach.network),
    mounts: reach.mounts,
    ...(!isProgram && reach.access.length > 0 && { access: reach.access }),
    startTimeoutMs: request.startTimeoutMs,
  };
  const job: Job = { ...prepared.job, container };
  return { ...prepared, job };
}

/** The job in containers of the image and with the limits of another one, whose pipeline it runs. @throws SluiceError as `inContainers` */
export function inContainersLike(
  config: Config,
  prepared: PreparedJob,
  { access: _, ...like }: JobContainer,
): PreparedJob {
  const { mounts, access, network } = reachOfJob(config, prepared, {});
  const container: JobContainer = {
    ...like,
    mounts,
    network: like.network === 'none' ? 'none' : network,
    ...(access.length > 0 && { access }),
  };
  return { ...prepared, job: { ...prepared.job, container } };
}

/** An image that the template comes in is the template's own: no other one has what it names. */
async function imageOf(config: Config, { image: given, request }: ContainerLaunch): Promise<ResolvedImage> {
  if (given && !request.verify) return given;
  const name = given?.image ?? request.image ?? workerImageOf(config, VERSION);
  const found = await resolveHere(config, name, request).catch(error => {
    if (given || !(error instanceof SluiceError) || error.code !== 'ENGINE_UNREACHABLE') throw error;
    const message = `${error.message}: what is in no image of its own runs without one, with --launcher process`;
    throw new SluiceError(error.code, message, { cause: error });
  });
  if (given && given.imageId !== found.imageId)
    throw new SluiceError(
      'IMAGE_UNVERIFIED',
      `the image ${name} is another one here than in its registry: pull it, then launch again`,
    );
  return found;
}

/** Without an entry point the first argument would be taken for the program. */
function requireStart({ image, start }: ResolvedImage, given: readonly string[]): void {
  if (start === 'entrypoint' || (start === 'command' && given.length === 0)) return;
  throw new SluiceError(
    'IMAGE_INVALID',
    `the image ${image} has no ENTRYPOINT, so that nothing in it could be started${given.length > 0 ? ' with the parameters' : ''}`,
  );
}

async function resolveHere(config: Config, name: string, request: ContainerRequest): Promise<ResolvedImage> {
  return resolveImage(await connectEngine(config), name, config, request);
}

function reachOfJob(
  config: Config,
  { job, graph }: PreparedJob,
  { template }: Pick<ContainerLaunch, 'template'>,
): JobReach {
  const needs =
    job.program && template
      ? [reachOfParameters(template, job.parameters ?? {})]
      : graph.nodes.map(({ component, config: own }) => component.reach?.(own) ?? {});
  return reachOf(needs, job.id, config);
}

/** Of a program only its parameters are known. */
function reachOfParameters(
  { parameters: { properties } }: Template,
  parameters: Readonly<Record<string, unknown>>,
): Reach {
  const reads: string[] = [];
  const writes: string[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    const schema = properties[name];
    if (!schema || typeof value !== 'string') continue;
    const { name: kind, isPath } = kindOf(schema);
    if (kind === 'gcs-write-folder') writes.push(`${value}/`);
    else if (kind === 'gcs-write-file') writes.push(value.slice(0, value.lastIndexOf('/') + 1));
    else if (isPath) reads.push(value);
  }
  return { reads, writes };
}
