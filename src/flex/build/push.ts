/** Gives an image to the registry that its name means. */
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { engineError } from '../../launchers/docker/engine.ts';
import { credentialsFor } from './credentials.ts';
import { linesOf } from './engine-lines.ts';

/**
 * @param name with its tag
 * @returns the digest by which the registry knows the image
 * @throws SluiceError IMAGE_PUSH_FAILED with what the registry says
 */
export async function pushImage(
  config: Config,
  engine: Docker,
  name: string,
  tell: (line: string) => void,
): Promise<string> {
  let digest: string | undefined;
  try {
    const authconfig = await credentialsFor(name);
    const answer = await engine.getImage(name).push({ ...(authconfig && { authconfig }) });
    for await (const { status, id, error, aux } of linesOf(answer)) {
      if (error !== undefined) throw refused(name, error);
      // Of each layer only that it is there.
      if (id !== undefined && /^(?:Pushed|Layer already exists|Mounted)/.test(status ?? ''))
        tell(`${id} ${status}`);
      digest = aux?.Digest ?? digest;
    }
  } catch (error) {
    throw engineError(error, config);
  }
  if (digest === undefined) throw refused(name, 'the registry gave it no digest');
  return digest;
}

const refused = (name: string, why: string): SluiceError =>
  new SluiceError('IMAGE_PUSH_FAILED', `the image ${name} cannot be pushed: ${why.trim()}`);
