/** The scripts that come with a template: it names them as paths of its own folder, or of the library. */
import { posix } from 'node:path';
import type { Template } from '../catalog/template.ts';
import { isMapping } from '../pipeline/tree.ts';
import { EXTENSIONS } from '../udf/library-path.ts';
import { isScript } from '../udf/scripts.ts';

/** Where a script lies, by how a template names it; undefined for a path that is none of its own. */
export type FindScript = (named: string) => string | undefined;

/** Names of kinds and keys that hold scripts. */
const KIND = 'javascript-udf';
const KEY = 'path';

/** The template with its own scripts where they lie: those that it takes by default, and those of its pipeline. */
export function withScripts(template: Template, find: FindScript): Template {
  const { parameters, pipeline } = template;
  const properties = Object.entries(parameters.properties).map(([name, schema]) => {
    const script = schema.format === KIND ? find(String(schema.default)) : undefined;
    return [name, script === undefined ? schema : { ...schema, default: script }] as const;
  });
  return {
    ...template,
    parameters: { ...parameters, properties: Object.fromEntries(properties) },
    pipeline:
      pipeline &&
      (scope => {
        const rendered = pipeline(scope);
        replaceWithin(rendered, find);
        return rendered;
      }),
  };
}

/** The scripts that a template names: paths of its folder and names of the library, as they are written. */
export function scriptsNamed({ parameters }: Template, pipeline: unknown): string[] {
  const named = new Set<string>();
  const collect: FindScript = path => {
    if (isScriptPath(path)) named.add(path);
    return undefined;
  };
  for (const schema of Object.values(parameters.properties))
    if (schema.format === KIND && schema.default !== undefined) collect(String(schema.default));
  replaceWithin(pipeline, collect);
  return [...named];
}

/** Scripts of the library lie in a folder of their own. */
export const LIBRARY_FOLDER = 'library';

/** The path within the folder in its one form: `./udfs/a.js` is `udfs/a.js`. */
export const normalized = (path: string): string => posix.normalize(path).replace(/^\.\//, '');

/** Which of these files a template means by a path; undefined for none of them. */
export function fileOfScript(named: string, files: { has(file: string): boolean }): string | undefined {
  const [, name] = /^udf:\/\/([^@]+)$/.exec(named) ?? [];
  const candidates =
    name === undefined
      ? [normalized(named)]
      : EXTENSIONS.map(extension => `${LIBRARY_FOLDER}/${name}${extension}`);
  return candidates.find(file => files.has(file));
}

const isScriptPath = (path: string): boolean =>
  /^udf:\/\/[^@]+$/.test(path) || (isScript(path) && !/^\/|^[a-z0-9]+:\/\/|\{\{/i.test(path));

/** Changes the pipeline where it lies: what is known of its places in the file hangs on its objects. */
function replaceWithin(value: unknown, find: FindScript): void {
  if (Array.isArray(value)) for (const each of value) replaceWithin(each, find);
  // What Create gives is data, whatever it looks like.
  if (!isMapping(value) || value.type === 'Create') return;
  for (const [key, each] of Object.entries(value)) {
    if (key === KEY && typeof each === 'string') value[key] = find(each) ?? each;
    else replaceWithin(each, find);
  }
}
