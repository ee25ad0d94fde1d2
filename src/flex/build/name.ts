/** Names of images, as users write them. */
import { SluiceError } from '../../errors.ts';

const HOST = String.raw`[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?`;
const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const TAG = String.raw`\w[\w.-]{0,127}`;
const NAME = new RegExp(`^(?:${HOST}/)?${PART}(?:/${PART})*(:${TAG})?$`);
const MAX_NAME = 255;

/** The name of an image to build, with its tag. @throws SluiceError USAGE */
export function imageName(given: string): string {
  const [found, tag] = (given.length <= MAX_NAME && NAME.exec(given)) || [];
  if (found === undefined)
    throw new SluiceError(
      'USAGE',
      `--image: ${JSON.stringify(given.slice(0, MAX_NAME))} is no name for an image: [REGISTRY/]NAME[:TAG], its name in small letters`,
    );
  return tag === undefined ? `${given}:latest` : given;
}

/** The registry in an image's name; undefined for one of Docker Hub. */
export function registryOf(name: string): string | undefined {
  const [host = '', ...rest] = name.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(host) ? host : undefined;
}
