/** The templates there are: those shipped with Sluice and, beside them, the user's own. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';
import { didYouMean } from '../pipeline/suggest.ts';
import { parseYaml } from '../pipeline/yaml.ts';
import type { Template, TemplateSummary } from './template.ts';
import { GROUPS_FOLDER, readText, TEMPLATE_FILE } from './template-file.ts';

/** The templates that come with Sluice. */
export const shippedTemplates = fileURLToPath(new URL('../../templates', import.meta.url));

export interface Catalog {
  /**
   * The template of this id or alias, read and checked. Throws TEMPLATE_NOT_FOUND, with the near id, or
   * TEMPLATE_INVALID. A user's template may not have the id of a shipped one: an update of Sluice must never
   * change silently which of two runs.
   */
  find(idOrAlias: string): Promise<Template>;
  /** Every template by id; one whose file cannot be read has a `fault`. */
  list(): Promise<ListedTemplate[]>;
}

export type ListedTemplate =
  | TemplateSummary
  | { id: string; file: string; origin: TemplateSummary['origin']; fault: string };

/** A template's folder, not read yet. */
interface Entry {
  /** The name of its folder, which is its id. */
  id: string;
  file: string;
  origin: TemplateSummary['origin'];
}

/** The catalog: only the names of folders are read now, a template when it is asked for. */
export async function loadCatalog(
  config: Config,
  shippedFolder: string = shippedTemplates,
): Promise<Catalog> {
  const [shipped, own] = await Promise.all([
    templatesIn(shippedFolder, 'shipped'),
    templatesIn(join(config.home, 'templates'), 'user'),
  ]);
  const shippedIds = new Set(shipped.map(({ id }) => id));
  const entries = [...shipped, ...own].sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));

  const listOne = async (entry: Entry): Promise<ListedTemplate> => {
    try {
      if (entry.origin === 'user') refuseShadow(entry, shippedIds);
      return await readSummary(entry);
    } catch (error) {
      return { ...entry, fault: error instanceof Error ? error.message : String(error) };
    }
  };
  const list = () => Promise.all(entries.map(listOne));

  const find = async (name: string): Promise<Template> => {
    const named = entries.filter(({ id }) => id === name);
    for (const entry of named) if (entry.origin === 'user') refuseShadow(entry, shippedIds);
    const entry = named[0] ?? (await list()).find(each => !('fault' in each) && each.aliases.includes(name));
    if (!entry) throw notFound(name, await list());
    // A listing needs neither ajv nor Handlebars.
    const { readTemplate } = await import('./read.ts');
    const template = await readTemplate(entry.file, entry.origin, shippedFolder);
    if (template.id === entry.id) return template;
    throw new SluiceError(
      'TEMPLATE_INVALID',
      `${entry.file}: the id is ${template.id}, but the folder ${entry.id}`,
    );
  };

  return { find, list };
}

/** The templates of a folder, one in each folder of it. */
export async function templatesIn(folder: string, origin: Entry['origin']): Promise<Entry[]> {
  try {
    const found = await readdir(folder, { withFileTypes: true });
    return found
      .filter(each => !each.isFile() && !each.name.startsWith('.') && each.name !== GROUPS_FOLDER)
      .map(({ name }) => ({ id: name, file: join(folder, name, TEMPLATE_FILE), origin }));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function refuseShadow({ id, file }: Entry, shipped: ReadonlySet<string>): void {
  if (!shipped.has(id)) return;
  throw new SluiceError(
    'TEMPLATE_INVALID',
    `${file}: ${id} is the id of a template that Sluice ships; give yours another id, such as My_${id}`,
  );
}

/** What stands before the parameters is all a listing needs; reading on would parse every pipeline. */
async function readSummary({ id, file, origin }: Entry): Promise<TemplateSummary> {
  const text = await readText(file);
  const end = text.search(/^(?:parameterGroups|parameters|pipeline|pipelineFrom|tests)\s*:/m);
  const head = parseYaml(end < 0 ? text : text.slice(0, end), file);
  const { title, category, description, streaming, aliases } = Object(head);
  if (typeof title !== 'string' || typeof category !== 'string' || typeof description !== 'string')
    throw new SluiceError(
      'TEMPLATE_INVALID',
      `${file}: id, title, category and description must stand before parameters`,
    );
  return {
    id,
    aliases: Array.isArray(aliases) ? aliases.map(String) : [],
    title,
    category: category as TemplateSummary['category'],
    streaming: streaming === true,
    description: description.trim(),
    file,
    origin,
  };
}

function notFound(name: string, all: ListedTemplate[]): SluiceError {
  const names = all.flatMap(each => ('fault' in each ? [each.id] : [each.id, ...each.aliases]));
  return new SluiceError('TEMPLATE_NOT_FOUND', `there is no template ${name}${didYouMean(name, names)}`);
}
