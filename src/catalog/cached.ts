/** The catalog of a server, which is asked often: read once, and again as soon as a file of it has changed. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { type Catalog, loadCatalog, shippedTemplates } from './catalog.ts';
import { GROUPS_FOLDER, TEMPLATE_FILE } from './template-file.ts';

interface Cached {
  files: string;
  catalog: Promise<Catalog>;
}

const cached = new WeakMap<Config, Cached>();

/** The catalog as its files are now; what was read of it is kept for as long as none of them changes. */
export function currentCatalog(config: Config): Promise<Catalog> {
  const files = [shippedTemplates, join(config.home, 'templates')].flatMap(filesIn).join('\n');
  const known = cached.get(config);
  if (known?.files === files) return known.catalog;
  const catalog = loadCatalog(config).then(remembering);
  cached.set(config, { files, catalog });
  catalog.catch(() => cached.delete(config));
  return catalog;
}

/** The catalog, of which each template is read once. */
function remembering({ find, list }: Catalog): Catalog {
  const found = new Map<string, ReturnType<Catalog['find']>>();
  let listed: ReturnType<Catalog['list']> | undefined;
  return {
    find(name) {
      const known = found.get(name);
      if (known) return known;
      const template = find(name);
      found.set(name, template);
      // Only names that there are stay: anybody may ask for any number of others.
      template.catch(() => found.delete(name));
      return template;
    },
    list() {
      listed ??= list();
      return listed;
    },
  };
}

/** Each file that a template of the folder is made of, with what changes when it does. */
function filesIn(folder: string): string[] {
  return namesIn(folder).flatMap(name =>
    name === GROUPS_FOLDER
      ? namesIn(join(folder, name)).map(group => stateOf(join(folder, name, group)))
      : [stateOf(join(folder, name, TEMPLATE_FILE))],
  );
}

/** A folder that is not there, or that may not be read, has no names; reading the catalog says why. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function stateOf(file: string): string {
  const { mtimeMs, size } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${file} ${mtimeMs} ${size}`;
}
