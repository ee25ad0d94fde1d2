/** Which images containers may be made from: what the operator of a server has allowed, by name or by content. */
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { VERSION } from '../../program.ts';

/** What an image is called, in full: `docker.io/library/python`, tag `3` or digest `sha256:…`. */
export interface ImageName {
  repository: string;
  tag?: string;
  digest?: string;
}

/** What the engine says of an image that it has. */
export interface KnownImage {
  Id: string;
  RepoTags?: string[] | null;
  RepoDigests?: string[] | null;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const HOST = String.raw`[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?`;
const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const NAME = new RegExp(
  String.raw`^(?:${HOST}/)?${PART}(?:/${PART})*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);
const MAX_NAME = 400;

/**
 * The full name that an image is given by; undefined for one that is given by its id, `sha256:…`.
 * @throws SluiceError IMAGE_INVALID
 */
export function imageNameOf(image: string): ImageName | undefined {
  if (DIGEST.test(image)) return undefined;
  if (image.length > MAX_NAME || !NAME.test(image))
    throw new SluiceError(
      'IMAGE_INVALID',
      `${JSON.stringify(image.slice(0, MAX_NAME))} is no name of an image: [REGISTRY/]NAME[:TAG] or NAME@sha256:…, its name in small letters`,
    );
  const { repository, tag, digest } = split(image);
  return digest === undefined ? { repository, tag: tag ?? 'latest' } : { repository, digest };
}

/** As the engine understands it whatever it takes for its default. */
export function fullNameOf(image: string): string {
  const name = imageNameOf(image);
  if (!name) return image;
  return name.digest === undefined ? `${name.repository}:${name.tag}` : `${name.repository}@${name.digest}`;
}

/** True when an image of that name may be fetched and run, whatever it holds. */
export function isNameAllowed(config: Config, image: string): boolean {
  const name = imageNameOf(image);
  const { allowedImages } = config;
  if (!allowedImages || image === (config.workerImage ?? `sluice-worker:${VERSION}`)) return true;
  return allowedImages.some(pattern => name && allowsName(pattern, name));
}

/**
 * Refuses an image of a name that no pattern allows, before the engine is asked for it. Where digests are allowed, only
 * the image itself can tell.
 * @throws SluiceError IMAGE_FORBIDDEN, IMAGE_INVALID
 */
export function requireNameAllowed(config: Config, image: string): void {
  if (!isNameAllowed(config, image) && !config.allowedImages?.some(each => each.includes('sha256:')))
    throw forbidden(image);
}

/**
 * Refuses an image that the engine has, by name and content.
 * @param exact the name that it was found by
 * @throws SluiceError IMAGE_FORBIDDEN
 */
export function requireAllowed(config: Config, image: string, exact: string, known: KnownImage): void {
  const { allowedImages } = config;
  if (!allowedImages) return;
  // The engine takes the beginning of an id for a name, too.
  if (isNameAllowed(config, image) && isCalled(known, imageNameOf(exact))) return;
  if (allowedImages.some(pattern => allowsContent(pattern, known))) return;
  throw forbidden(image);
}

/** The digests by which registries know the content of an image, with the full names of their repositories. */
export const digestsOf = ({ RepoDigests: digests }: KnownImage): ImageName[] => (digests ?? []).map(split);

function split(image: string): ImageName {
  const [path = '', digest] = image.split('@');
  const colon = path.indexOf(':', path.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  return {
    repository: inFull(colon < 0 ? path : path.slice(0, colon)),
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/** As Docker completes it. */
function inFull(repository: string): string {
  const [first = '', ...rest] = repository.split('/');
  if (rest.length === 0) return `docker.io/library/${first}`;
  const isHost = /[.:]/.test(first) || first === 'localhost';
  if (!isHost) return `docker.io/${repository}`;
  return first === 'index.docker.io' ? `docker.io/${rest.join('/')}` : repository;
}

/** A pattern with a tag allows no digest: what a digest names need not be what the tag names. */
function allowsName(pattern: string, { repository, tag, digest }: ImageName): boolean {
  if (DIGEST.test(pattern)) return digest === pattern;
  const wanted = split(pattern);
  if (!matches(wanted.repository, repository)) return false;
  if (wanted.digest !== undefined) return wanted.digest === digest;
  return wanted.tag === undefined || (tag !== undefined && matches(wanted.tag, tag));
}

function allowsContent(pattern: string, known: KnownImage): boolean {
  if (DIGEST.test(pattern))
    return known.Id === pattern || digestsOf(known).some(({ digest }) => digest === pattern);
  const wanted = split(pattern);
  return (
    wanted.digest !== undefined &&
    digestsOf(known).some(
      ({ repository, digest }) => digest === wanted.digest && matches(wanted.repository, repository),
    )
  );
}

/** `*` stands for any part of a segment. */
const matches = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split(/\*+/)
      .map(part => part.replace(/[^\w/-]/g, '\\$&'))
      .join('[^/:@]*')}$`,
  ).test(text);

function isCalled(known: KnownImage, name: ImageName | undefined): boolean {
  if (!name) return false;
  const { repository, tag, digest } = name;
  const names = digest === undefined ? (known.RepoTags ?? []).map(split) : digestsOf(known);
  return names.some(each => each.repository === repository && each.tag === tag && each.digest === digest);
}

export const forbidden = (image: string): SluiceError =>
  new SluiceError(
    'IMAGE_FORBIDDEN',
    `the server does not allow the image ${image}: it runs only those that --allow-image names`,
  );
