/** From the name of an image to what it is: that is what runs, whatever the name comes to mean later. */
import type Docker from 'dockerode';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { credentialsFor } from '../launchers/docker/credentials.ts';
import { engineError, isAbsent } from '../launchers/docker/engine.ts';
import {
  digestsOf,
  forbidden,
  fullNameOf,
  imageNameOf,
  isNameAllowed,
  requireAllowed,
  requireNameAllowed,
} from '../launchers/docker/policy.ts';
import type { JobContainer } from '../worker/container.ts';

export type ResolvedImage = Pick<JobContainer, 'image' | 'imageId' | 'digest'> & {
  labels: Readonly<Record<string, string>>;
  /** What its containers begin with: an entry point, which takes arguments, a command, or nothing. */
  start: 'entrypoint' | 'command' | 'none';
};

/** An engine that does not say that it is there in that time will not do anything else. */
const GREETING_MS = 15_000;
/** Layers may be large, and lines slow. */
const PULL_MS = 15 * 60_000;

/**
 * The image that a name means now, pulled where it is not here.
 * @param verify takes what the registry of the name says that it means, and nothing that no registry knows
 * @throws SluiceError IMAGE_NOT_FOUND, IMAGE_INVALID, IMAGE_FORBIDDEN, IMAGE_UNVERIFIED, and what the engine fails with
 */
export async function resolveImage(
  docker: Docker,
  image: string,
  config: Config,
  { verify = false }: { verify?: boolean } = {},
): Promise<ResolvedImage> {
  requireNameAllowed(config, image);
  try {
    // Of the calls below most cannot be limited in time.
    await greet(docker);
    const exact = verify ? await vouchedFor(docker, image) : fullNameOf(image);
    const known = (await inspect(docker, exact)) ?? (await pulled(docker, image, exact, config));
    requireAllowed(config, image, exact, known);
    const digest = verify ? exact : digestIn(image, known);
    return {
      image,
      imageId: known.Id,
      ...(digest !== undefined && { digest }),
      labels: known.Config.Labels ?? {},
      start: startOf(known),
    };
  } catch (error) {
    throw engineError(error, config, image);
  }
}

function startOf({ Config: { Entrypoint: entrypoint, Cmd: command } }: Docker.ImageInspectInfo) {
  if (entrypoint && entrypoint.length > 0) return 'entrypoint';
  return command && command.length > 0 ? 'command' : 'none';
}

async function inspect(docker: Docker, image: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(image).inspect();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** What only its content could allow must be here already. */
async function pulled(
  docker: Docker,
  image: string,
  exact: string,
  config: Config,
): Promise<Docker.ImageInspectInfo> {
  if (!imageNameOf(image)) throw notFound(image, new Error('the engine has none of that id'));
  if (!isNameAllowed(config, image)) throw forbidden(image);
  try {
    await pull(docker, exact);
  } catch (error) {
    const { code } = engineError(error, config, image);
    const isAway = code === 'ENGINE_UNREACHABLE' && !(await isThere(docker));
    throw isAway || code === 'DISK_FULL' ? error : notFound(image, error);
  }
  const known = await inspect(docker, exact);
  if (known) return known;
  throw notFound(image, new Error('it was pulled, and has gone'));
}

async function pull(docker: Docker, exact: string): Promise<void> {
  const authconfig = await credentialsFor(exact);
  const progress = await docker.pull(exact, {
    ...(authconfig && { authconfig }),
    abortSignal: AbortSignal.timeout(PULL_MS),
  });
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(progress, error => (error ? reject(error) : resolve())),
  );
}

/** The name with the digest that its registry gives it now. */
async function vouchedFor(docker: Docker, image: string): Promise<string> {
  const name = imageNameOf(image);
  if (!name) throw unverified(image, new Error('an id is known to no registry: launch it by its name'));
  if (name.digest !== undefined) return fullNameOf(image);
  try {
    const authconfig = await credentialsFor(image);
    const { Descriptor: known } = await docker
      .getImage(image)
      .distribution({ ...(authconfig && { authconfig }) });
    return `${name.repository}@${known.digest}`;
  } catch (error) {
    if (await isThere(docker)) throw unverified(image, error);
    throw error;
  }
}

/** The digest that a registry gave it under this name, when it was pulled or pushed. */
function digestIn(image: string, known: Docker.ImageInspectInfo): string | undefined {
  const name = imageNameOf(image);
  const found = digestsOf(known).find(({ repository }) => repository === name?.repository);
  return found && `${found.repository}@${found.digest}`;
}

const greet = (docker: Docker): Promise<unknown> =>
  docker.listContainers({ limit: 1, abortSignal: AbortSignal.timeout(GREETING_MS) });

const isThere = (docker: Docker): Promise<boolean> =>
  greet(docker).then(
    () => true,
    () => false,
  );

const notFound = (image: string, cause: unknown): SluiceError =>
  new SluiceError(
    'IMAGE_NOT_FOUND',
    `there is no image ${image} here, and it cannot be pulled: ${saidBy(cause)}`,
    {
      cause,
    },
  );

const unverified = (image: string, cause: unknown): SluiceError =>
  new SluiceError('IMAGE_UNVERIFIED', `no registry vouches for the image ${image}: ${saidBy(cause)}`, {
    cause,
  });

const MAX_SAID = 1000;

/** In one line, without the status around it. */
const saidBy = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause))
    .replace(/^\(HTTP code \d+\) [^-]* - /, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_SAID);
