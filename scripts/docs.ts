/**
 * Writes what is made from the code, documents and the bundle of the editor: `npm run docs`. With `--check` it only looks, names what is out
 * of date and exits 1.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { generateTemplateReadmes } from '../src/catalog/readme.ts';
import { registry } from '../src/registry.ts';
import { renderErrorsPage } from './docs/errors-page.ts';
import { renderTransformsPage } from './docs/transforms-page.ts';
import { bundleEditor } from './editor.ts';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

const changed = [
  ...(await bring('docs/errors.md', renderErrorsPage())),
  ...(await bring('docs/transforms.md', renderTransformsPage(registry))),
  ...(await bring('src/console/assets/editor-bundle.js', await bundleEditor())),
  ...(await generateTemplateReadmes(check)),
];
for (const file of changed) console.log(`${check ? 'out of date' : 'written'}: ${relative(root, file)}`);
if (check && changed.length > 0) {
  console.error('run `npm run docs` and commit what it writes');
  process.exitCode = 1;
}

/** Makes the file hold the text; gives its path when it did not. */
async function bring(path: string, text: string): Promise<string[]> {
  const file = join(root, path);
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return [];
  if (!check) await writeFile(file, text);
  return [file];
}
