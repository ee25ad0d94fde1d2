/** Makes src/console/assets/editor-bundle.js: the editor and the packages it is made of, in one file that pages load. */
import { join } from 'node:path';
import { build } from 'esbuild';

const BANNER = `/* Made by \`npm run docs\` from scripts/editor/codemirror.js. CodeMirror and Lezer: (c) Marijn Haverbeke and others, MIT. */`;

/** The text of the bundle: the same for the same packages. */
export async function bundleEditor(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'editor/codemirror.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    banner: { js: BANNER },
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
