/** What goes into an image: a template with its groups and scripts, from a folder or from the catalog. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { loadCatalog, shippedTemplates } from '../../catalog/catalog.ts';
import { parseTemplateFile } from '../../catalog/check.ts';
import { readGroup, readTemplate } from '../../catalog/read.ts';
import type { Template } from '../../catalog/template.ts';
import { GROUPS_FOLDER, readText, TEMPLATE_FILE } from '../../catalog/template-file.ts';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { libraryFile } from '../../udf/library-path.ts';
import { isScript } from '../../udf/scripts.ts';
import { MAX_SOURCE_BYTES } from '../../udf/versions.ts';
import { LIBRARY_FOLDER, normalized, scriptsNamed } from '../own-scripts.ts';
import { bundled } from './bundle.ts';

export interface PackedTemplate {
  template: Template;
  /** The folder that it was packed from, without links; undefined for a template of the catalog. */
  folder?: string;
  /** What will lie in `/template`, by path. */
  files: ReadonlyMap<string, string>;
  scripts: PackedScript[];
}

export interface PackedScript {
  /** Its path in `/template`. */
  file: string;
  source: string;
  /** Its file on this machine, beside which its cases are. */
  origin: string;
}

const UDFS_FOLDER = 'udfs';

/**
 * @param given a folder with a `template.yaml`, or the id of a template of the catalog
 * @throws SluiceError INPUT_NOT_FOUND, TEMPLATE_NOT_FOUND, TEMPLATE_INVALID, and what `bundled` throws
 */
export async function packTemplate(config: Config, given: string): Promise<PackedTemplate> {
  const folder = await folderAt(given);
  const template = folder
    ? await readTemplate(join(folder, TEMPLATE_FILE), 'user', shippedTemplates)
    : await (await loadCatalog(config)).find(given);
  const text = await readText(template.file);
  const content = parseTemplateFile(text, template.file);
  const files = new Map([[TEMPLATE_FILE, text]]);
  for (const name of content.parameterGroups ?? []) {
    const group = await readGroup(name, template.file, shippedTemplates, content);
    files.set(`${GROUPS_FOLDER}/${name}.yaml`, group.text);
  }
  const named = scriptsNamed(template, content.pipeline);
  const scripts = await scriptsOf(config, await realpath(dirname(template.file)), named);
  for (const { file, source } of scripts) files.set(file, source);
  return { template, ...(folder !== undefined && { folder }), files, scripts };
}

/** Undefined for what is the name of a template of the catalog. */
async function folderAt(named: string): Promise<string | undefined> {
  const isFolder = (await stat(named).catch(() => undefined))?.isDirectory() ?? false;
  if (isFolder && (await stat(join(named, TEMPLATE_FILE)).catch(() => undefined))) return realpath(named);
  if (isFolder && /[./]/.test(named))
    throw new SluiceError('TEMPLATE_INVALID', `there is no ${TEMPLATE_FILE} in ${resolve(named)}`);
  if (/\//.test(named)) throw new SluiceError('INPUT_NOT_FOUND', `there is no folder ${named}`);
  return undefined;
}

async function scriptsOf(config: Config, folder: string, named: string[]): Promise<PackedScript[]> {
  const scripts = new Map<string, PackedScript>();
  for (const path of named.filter(each => each.startsWith('udf://'))) {
    const { name, file: origin } = libraryFile(path, config);
    const file = `${LIBRARY_FOLDER}/${name}${extname(origin)}`;
    scripts.set(file, { file, source: await bundled(dirname(origin), basename(origin)), origin });
  }
  const own = named.filter(each => !each.startsWith('udf://')).map(normalized);
  for (const file of new Set([...own, ...(await scriptsBelow(folder))].sort())) {
    const origin = join(folder, file);
    if (!(await isFileWithin(origin, folder)))
      throw new SluiceError(
        'TEMPLATE_INVALID',
        `the template names the script ${file}, which is not in ${folder}`,
      );
    scripts.set(file, { file, source: await bundled(folder, file), origin });
  }
  const bytes = [...scripts.values()].reduce((sum, { source }) => sum + Buffer.byteLength(source), 0);
  if (bytes <= MAX_SOURCE_BYTES) return [...scripts.values()];
  throw new SluiceError(
    'UDF_LOAD_FAILED',
    `the scripts of ${folder} have ${bytes} bytes with what they import, more than ${MAX_SOURCE_BYTES}`,
  );
}

/** Every script below `udfs/`, whether the template names it or not: a launch may. */
async function scriptsBelow(folder: string): Promise<string[]> {
  const found = await readdir(join(folder, UDFS_FOLDER), { recursive: true }).catch(() => []);
  return found
    .filter(file => isScript(file) && !/(?:^|\/)(?:\.|node_modules\/)/.test(file))
    .map(file => `${UDFS_FOLDER}/${file}`);
}

async function isFileWithin(path: string, folder: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return real?.startsWith(`${folder}/`) === true && (await stat(real)).isFile();
}
