/** The template that a client's path stands for: a name of the catalog, however it is dressed, or a file. */
import { currentCatalog } from '../catalog/cached.ts';
import type { Template } from '../catalog/template.ts';
import { readTextFile } from '../cloud/storage.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';

/** A Flex template's file, or what a client sends in its place: Dataflow's ContainerSpec. */
export interface TemplateSpec {
  image?: unknown;
  metadata?: unknown;
  sdkInfo?: unknown;
  defaultEnvironment?: unknown;
}

export interface FoundTemplate {
  template: Template;
  /** What its spec says of the environment, below what a launch says. */
  defaultEnvironment: Record<string, unknown>;
}

/** The scheme by which the image of a spec names a template of the catalog. */
const OWN_IMAGE = 'sluice://';
const PATH = /[/\\]|^\.{1,2}$/;

/**
 * The template to launch: a catalog's id or alias, by itself or at the end of a `gs://` path; of any other path the
 * spec in that file.
 * @throws SluiceError TEMPLATE_NOT_FOUND, NOT_IMPLEMENTED for a template that is an image or a compiled graph
 */
export async function findTemplate(config: Config, path: string): Promise<FoundTemplate> {
  const template = await templateNamed(config, path);
  if (template) return { template, defaultEnvironment: {} };
  return templateOfSpec(config, specIn(await readTemplateFile(config, path), path), path);
}

/**
 * The template that a spec names by its image, `sluice://<Id>`.
 * @param path where the spec comes from, for the message
 */
export async function templateOfSpec(
  config: Config,
  spec: TemplateSpec,
  path: string,
): Promise<FoundTemplate> {
  const { image, defaultEnvironment } = spec;
  if (typeof image !== 'string' || !image.startsWith(OWN_IMAGE))
    throw new SluiceError(
      'NOT_IMPLEMENTED',
      `${path} is a Flex template of the image ${JSON.stringify(image)}: Sluice runs the templates of its catalog, which a spec names as its image by ${OWN_IMAGE}<Id>`,
    );
  const template = await (await currentCatalog(config)).find(image.slice(OWN_IMAGE.length));
  return { template, defaultEnvironment: isObject(defaultEnvironment) ? defaultEnvironment : {} };
}

/** What a path says of its template without launching it: its own, or the metadata that lie in files. */
export type TemplateAt =
  | { type: 'FLEX'; template: Template }
  | { type: 'FLEX'; spec: TemplateSpec }
  | { type: 'LEGACY'; metadata: Record<string, unknown> };

/** @throws SluiceError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID */
export async function templateAt(config: Config, path: string): Promise<TemplateAt> {
  const template = await templateNamed(config, path);
  if (template) return { type: 'FLEX', template };
  const spec = jsonObject(await readTemplateFile(config, path));
  if (typeof spec?.image === 'string') {
    if (!spec.image.startsWith(OWN_IMAGE)) return { type: 'FLEX', spec };
    return { type: 'FLEX', template: (await templateOfSpec(config, spec, path)).template };
  }
  const beside = `${path}_metadata`;
  const metadata = jsonObject(await readTemplateFile(config, beside));
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
    throw new SluiceError('TEMPLATE_NOT_FOUND', `${unable(path)}: ${error.message}`, { cause: error });
  }
}

async function readTemplateFile(config: Config, path: string): Promise<string> {
  try {
    return await readTextFile(path, 'the template', config);
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'INPUT_NOT_FOUND') throw error;
    throw new SluiceError('TEMPLATE_NOT_FOUND', unable(path), { cause: error });
  }
}

/** The words that clients of Dataflow look for. */
const unable = (path: string): string => `Unable to open template file: ${path}`;

function specIn(text: string, path: string): TemplateSpec {
  const spec = jsonObject(text);
  if (spec?.image !== undefined) return spec;
  throw new SluiceError(
    'NOT_IMPLEMENTED',
    `${path} is no spec of a Flex template; a classic template, which is a compiled graph, cannot be run: launch a template of the catalog instead`,
  );
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
