/** The name of an image that is to be built. */
import { SluiceError } from '../../errors.ts';
import { imageNameOf } from '../../launchers/docker/policy.ts';

/** The name with its tag, which is `latest` where it has none. @throws SluiceError IMAGE_INVALID, USAGE */
export function nameToBuild(given: string): string {
  const name = imageNameOf(given);
  if (name?.tag === undefined)
    throw new SluiceError('USAGE', `--image: ${given} names an image that is there already: give a NAME:TAG`);
  return given.endsWith(`:${name.tag}`) ? given : `${given}:${name.tag}`;
}

/** True for a name that says in which registry it is. */
export const hasRegistry = (name: string): boolean => /^(?:[^/]*[.:][^/]*|localhost)\//.test(name);
