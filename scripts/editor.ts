/** Makes src/console/assets/editor-bundle.js: the editor and the packages it is made of, in one file that pages load. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/** The text of the bundle: the same for the same packages. */
export async function bundleEditor(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'editor/codemirror.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    banner: { js: await banner() },
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

/** The licence goes with every copy. */
async function banner(): Promise<string> {
  const codemirror = dirname(dirname(createRequire(import.meta.url).resolve('@codemirror/view')));
  const licence = await readFile(join(codemirror, 'LICENSE'), 'utf8');
  return `/* Made by \`npm run docs\` from scripts/editor/codemirror.js, with CodeMirror and Lezer:\n\n${licence.trim()}\n*/`;
}
