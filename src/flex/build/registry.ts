/** What the registry that the name of an image means takes and gives. */
import type Docker from 'dockerode';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { credentialsFor } from '../../launchers/docker/credentials.ts';
import { engineError, saidBy } from '../../launchers/docker/engine.ts';
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
    // The engine takes no push that does not say who we are, be it nobody.
    const authconfig = (await credentialsFor(name)) ?? {};
    const answer = await engine.getImage(name).push({ authconfig });
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

/** @throws SluiceError IMAGE_NOT_FOUND with what the registry says */
export async function pullImage(engine: Docker, name: string, tell: (line: string) => void): Promise<void> {
  const absent = (why: string) =>
    new SluiceError(
      'IMAGE_NOT_FOUND',
      `there is no image ${name} here, and it cannot be pulled: ${why.trim()}`,
    );
  const authconfig = await credentialsFor(name);
  const answer = await engine.pull(name, { ...(authconfig && { authconfig }) }).catch(error => {
    throw absent(saidBy(error));
  });
  for await (const { status, id, error } of linesOf(answer)) {
    if (error !== undefined) throw absent(error);
    if (id === undefined && status !== undefined) tell(status);
  }
}

const refused = (name: string, why: string): SluiceError =>
  new SluiceError('IMAGE_PUSH_FAILED', `the image ${name} cannot be pushed: ${why.trim()}`);
