/** The template in an image that `sluice flex build` has made. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type Docker from 'dockerode';
import { shippedTemplates } from '../catalog/catalog.ts';
import { readTemplate } from '../catalog/read.ts';
import type { Template } from '../catalog/template.ts';
import { GROUPS_FOLDER, TEMPLATE_FILE } from '../catalog/template-file.ts';
import { compileLinear } from '../catalog/validate.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { engineError } from '../launchers/docker/engine.ts';
import { isScript } from '../udf/scripts.ts';
import { keepScript } from '../udf/versions.ts';
import { filesInImage, type Image } from './image-files.ts';
import { fileOfScript, withScripts } from './own-scripts.ts';

const MAX_REMEMBERED = 200;
const remembered = new Map<string, Promise<Template>>();

/**
 * The template, as untrusted as the image is; its scripts are kept in the library, where the functions of every job are.
 * Looked for in the image once: what an id means never changes.
 * @throws SluiceError IMAGE_INVALID, TEMPLATE_INVALID
 */
export function templateOfImage(config: Config, engine: Docker, image: Image): Promise<Template> {
  const key = `${config.home} ${image.imageId} ${image.image}`;
  const known = remembered.get(key);
  if (known) return known;
  const template = read(config, engine, image);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(key, template);
  template.catch(() => remembered.delete(key));
  return template;
}

/** The template of an image that has been looked into before, e.g. for the job that is replayed; undefined for any other. */
export async function keptTemplate(config: Config, image: Image): Promise<Template | undefined> {
  return existsSync(folderOf(config, image)) ? load(config, image) : undefined;
}

/** In the cache of a home: `template/` as in the image, and beside it the groups, where a template's are looked for. */
const folderOf = ({ home }: Config, { imageId }: Image): string =>
  join(home, 'flex', imageId.replace(/^sha256:/, ''));

async function read(config: Config, engine: Docker, image: Image): Promise<Template> {
  const folder = folderOf(config, image);
  if (!existsSync(folder)) await fetchInto(folder, config, engine, image);
  return load(config, image);
}

async function load(config: Config, image: Image): Promise<Template> {
  const folder = folderOf(config, image);
  const template = await readCached(folder, image);
  requirePatterns(template, image);
  const scripts = await keepScripts(config, join(folder, 'template'));
  return withScripts(template, named => scripts.get(fileOfScript(named, scripts) ?? ''));
}

/** Several may fetch at a time: the folder appears whole, and the first one stays. */
async function fetchInto(folder: string, config: Config, engine: Docker, image: Image): Promise<void> {
  let files: Map<string, string>;
  try {
    files = await filesInImage(config, engine, image);
  } catch (error) {
    throw engineError(error, config, image.image);
  }
  const draft = join(dirname(folder), `.${randomUUID()}`);
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 });
    for (const [path, text] of files) {
      const file = join(draft, path.startsWith(`${GROUPS_FOLDER}/`) ? '' : 'template', path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/** Faults are told as they lie in the image, those of the pipeline at a launch too. */
async function readCached(folder: string, { image }: Image): Promise<Template> {
  const cached = join(folder, 'template');
  const inImage = `${image}:/template`;
  const shown = (text: string) => text.replaceAll(cached, inImage);
  try {
    const named = `${inImage}/${TEMPLATE_FILE}`;
    return await readTemplate(join(cached, TEMPLATE_FILE), 'user', shippedTemplates, named);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    const violations = error.violations.map(({ subject, message }) => ({ subject: shown(subject), message }));
    throw new SluiceError(error.code, shown(error.message), { violations, cause: error });
  }
}

/** A pattern that RE2 does not know may take for ever. */
function requirePatterns({ parameters: { properties } }: Template, { image }: Image): void {
  for (const [name, { pattern }] of Object.entries(properties))
    if (pattern !== undefined && !compileLinear(pattern))
      throw new SluiceError(
        'TEMPLATE_INVALID',
        `${image}:/template/${TEMPLATE_FILE}: the pattern of ${name} is none of RE2's: ${pattern}`,
      );
}

/** By the path of each in the image, the one under which the library keeps it. */
async function keepScripts(config: Config, folder: string): Promise<Map<string, string>> {
  const kept = new Map<string, string>();
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    if (!isScript(path)) continue;
    const extension = extname(path);
    const name = basename(path, extension)
      .replaceAll(/[^\w-]/g, '_')
      .replace(/^[_-]/, 'u')
      .slice(0, 100);
    const content = await readFile(join(folder, path));
    const version = await keepScript(config, { name, content, module: extension === '.mjs' });
    kept.set(path, version);
  }
  return kept;
}
