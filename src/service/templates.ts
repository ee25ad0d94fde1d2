/** The template that a client's path stands for: a name of the catalog, however it is dressed, or a file. */
import type Docker from 'dockerode';
import { currentCatalog } from '../catalog/cached.ts';
import type { Template } from '../catalog/template.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { TEMPLATE_LABEL } from '../flex/build/labels.ts';
import { programTemplate } from '../flex/program-template.ts';
import {
  type ContainerSpec,
  checkSpec,
  OWN_IMAGE,
  parseSpec,
  readSpecText,
  readTemplateText,
  unableToOpen,
} from '../flex/spec.ts';
import { type ResolvedImage, resolveImage } from '../launch/image.ts';
import { connectEngine } from '../launchers/docker/engine.ts';

export interface FoundTemplate {
  template: Template;
  /** What its spec says of the environment, below what a launch says. */
  defaultEnvironment: Record<string, unknown>;
  /** The image that it comes in; absent for one of the catalog. */
  image?: ResolvedImage;
}

const PATH = /[/\\]|^\.{1,2}$/;

/**
 * The template to launch: a catalog's id or alias, by itself or at the end of a `gs://` path; of any other path the
 * spec in that file.
 * @throws SluiceError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID, NOT_IMPLEMENTED for a compiled graph
 */
export async function findTemplate(config: Config, path: string): Promise<FoundTemplate> {
  const template = await templateNamed(config, path);
  if (template) return { template, defaultEnvironment: {} };
  const text = await readTemplateText(path, config);
  if (isClassic(text))
    throw new SluiceError(
      'NOT_IMPLEMENTED',
      `${path} is no spec of a Flex template; a classic template, which is a compiled graph, cannot be run: launch a template of the catalog instead`,
    );
  return templateOfSpec(config, parseSpec(text, path), path);
}

/**
 * The template that a spec names by its image: one of the catalog (`sluice://<Id>`), or what the image has in it.
 * @param path where the spec comes from, for messages
 */
export async function templateOfSpec(config: Config, given: unknown, path: string): Promise<FoundTemplate> {
  const spec = checkSpec(given, path);
  const { image, defaultEnvironment = {} } = spec;
  if (image.startsWith(OWN_IMAGE))
    return { template: await templateOfCatalog(config, image), defaultEnvironment };
  const engine = await connectEngine(config);
  const found = await resolveImage(engine, image, config);
  return { template: await templateIn(config, spec, path, found, engine), defaultEnvironment, image: found };
}

/** What is in an image: a template, where `sluice flex build` has made it, else a program. */
async function templateIn(
  config: Config,
  spec: ContainerSpec,
  path: string,
  image: ResolvedImage,
  engine: Docker,
): Promise<Template> {
  if (image.labels[TEMPLATE_LABEL] === undefined) return programTemplate(spec, path, image.labels);
  const { templateOfImage } = await import('../flex/image-template.ts');
  return templateOfImage(config, engine, image);
}

const templateOfCatalog = async (config: Config, image: string): Promise<Template> =>
  (await currentCatalog(config)).find(image.slice(OWN_IMAGE.length));

/** What a path says of its template without launching it: its own, or the metadata that lie in files. */
export type TemplateAt =
  | { type: 'FLEX'; template: Template }
  | { type: 'FLEX'; spec: ContainerSpec }
  | { type: 'LEGACY'; metadata: Record<string, unknown> };

/** @throws SluiceError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID */
export async function templateAt(config: Config, path: string): Promise<TemplateAt> {
  const template = await templateNamed(config, path);
  if (template) return { type: 'FLEX', template };
  const text = await readTemplateText(path, config);
  if (!isClassic(text)) {
    const spec = parseSpec(text, path);
    const isOwn = spec.image.startsWith(OWN_IMAGE);
    return {
      type: 'FLEX',
      ...(isOwn ? { template: await templateOfCatalog(config, spec.image) } : { spec }),
    };
  }
  const beside = `${path}_metadata`;
  const metadata = jsonObject(await readTemplateText(beside, config));
  if (metadata) return { type: 'LEGACY', metadata };
  throw new SluiceError('TEMPLATE_INVALID', `${beside}: the file holds no JSON object`);
}

/** The template of the catalog that a path names; undefined where it is the path of a file. */
async function templateNamed(config: Config, path: string): Promise<Template | undefined> {
  const isCloud = path.startsWith('gs://');
  if (!isCloud && PATH.test(path)) return undefined;
  const name = path.split('/').at(-1) ?? '';
  try {
    return await (await currentCatalog(config)).find(name);
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'TEMPLATE_NOT_FOUND') throw error;
    if (isCloud) return undefined;
    throw new SluiceError('TEMPLATE_NOT_FOUND', `${unableToOpen(path)}: ${error.message}`, { cause: error });
  }
}

/** A spec names an image, whatever else is wrong with it; anything else may be a graph. */
const isClassic = (text: string): boolean => jsonObject(text)?.image === undefined;

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = readSpecText(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
