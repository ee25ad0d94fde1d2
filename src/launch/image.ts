/** From the name of an image to what it is: that is what runs, whatever the name comes to mean later. */
import type Docker from 'dockerode';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { engineError, isAbsent } from '../launchers/docker/engine.ts';
import { requireAllowed, requireNameAllowed } from '../launchers/docker/policy.ts';
import type { JobContainer } from '../worker/container.ts';

export type ResolvedImage = Pick<JobContainer, 'image' | 'imageId' | 'digest'> & {
  labels: Readonly<Record<string, string>>;
};

const PULL_MS = 15 * 60_000;

/**
 * The image that a name means now, pulled where it is not here.
 * @throws SluiceError IMAGE_NOT_FOUND, IMAGE_INVALID, IMAGE_FORBIDDEN, and what the engine fails with
 */
export async function resolveImage(docker: Docker, image: string, config: Config): Promise<ResolvedImage> {
  requireNameAllowed(config, image);
  const known = await inspect(docker, image, config);
  if (known) return known;
  await pull(docker, image, config);
  const pulled = await inspect(docker, image, config);
  if (pulled) return pulled;
  throw new SluiceError('IMAGE_NOT_FOUND', `there is no image ${image}`);
}

async function inspect(docker: Docker, image: string, config: Config): Promise<ResolvedImage | undefined> {
  try {
    const known = await docker.getImage(image).inspect();
    requireAllowed(config, image, image, known);
    const [repository = ''] = image.split(/@|:(?=[^/]*$)/);
    const digest =
      known.RepoDigests?.find(each => each.startsWith(`${repository}@`)) ?? known.RepoDigests?.[0];
    return {
      image,
      imageId: known.Id,
      ...(digest !== undefined && { digest }),
      labels: known.Config.Labels ?? {},
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw engineError(error, config, image);
  }
}

async function pull(docker: Docker, image: string, config: Config): Promise<void> {
  try {
    const abortSignal = AbortSignal.timeout(PULL_MS);
    const progress = await docker.pull(image, { abortSignal });
    await new Promise<void>((resolve, reject) =>
      docker.modem.followProgress(progress, error => (error ? reject(error) : resolve())),
    );
  } catch (error) {
    const known = engineError(error, config, image);
    if (known.code === 'ENGINE_UNREACHABLE' && (await isThere(docker))) throw notFound(image, known);
    throw known.code === 'ENGINE_REFUSED' ? notFound(image, known) : known;
  }
}

const isThere = (docker: Docker): Promise<boolean> =>
  docker.ping().then(
    () => true,
    () => false,
  );

const notFound = (image: string, { message, cause }: SluiceError): SluiceError =>
  new SluiceError('IMAGE_NOT_FOUND', `there is no image ${image} here, and it cannot be pulled: ${message}`, {
    cause,
  });
