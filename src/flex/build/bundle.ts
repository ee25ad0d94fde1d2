/** Makes one script of a function and the npm packages that it imports: the sandbox imports nothing. */
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { BuildFailure, BuildOptions, Message, Metafile } from 'esbuild';
import { SluiceError } from '../../errors.ts';

/**
 * The script in a file of a template's folder: as it is, unless it imports or exports; then with all that it imports, and
 * its functions are still found by their names. The same files give the same text.
 * @param folder absolute, without links; the packages are those of its `node_modules`
 * @param file its path within the folder
 * @throws SluiceError UDF_PACKAGE_MISSING, UDF_SYNTAX
 */
export async function bundled(folder: string, file: string): Promise<string> {
  const source = (await readFile(join(folder, file), 'utf8')).replace(/^\uFEFF/, '');
  const isModule = extname(file) === '.mjs';
  const { text, metafile } = await build(folder, file, source, { format: 'esm' });
  const { imports = [], format } = metafile.inputs[file] ?? {};
  if (imports.length === 0 && (isModule || format === undefined)) return source;
  const outside = Object.keys(metafile.inputs).find(input => input.startsWith('../'));
  if (outside !== undefined)
    throw new SluiceError(
      'UDF_PACKAGE_MISSING',
      `${file} needs ${join(folder, outside)}, which lies outside of ${folder}: run \`npm install\` in that folder`,
    );
  return isModule ? text : asScript(folder, file, source);
}

const EXPORTS = '__exports';
const DECLARED = /(?:\bfunction\b\s*\*?|\b(?:const|let|var)\b)\s*([A-Za-z_$][\w$]*)/g;

/** Within a bundle nothing is global, so the functions are made so: what is declared, and what is exported. */
async function asScript(folder: string, file: string, source: string): Promise<string> {
  const names = new Set([...source.matchAll(DECLARED)].map(([, name]) => name));
  const exposing = [...names].map(name => `if (typeof ${name} === 'function') globalThis.${name} = ${name};`);
  const footer = [
    `if (typeof ${EXPORTS} === 'function' && ${EXPORTS}.name) globalThis[${EXPORTS}.name] = ${EXPORTS};`,
    `for (const name of Object.keys(Object(${EXPORTS})))`,
    `  if (typeof ${EXPORTS}[name] === 'function') globalThis[name] = ${EXPORTS}[name];`,
  ].join('\n');
  const options: BuildOptions = {
    format: 'iife',
    globalName: EXPORTS,
    keepNames: true,
    footer: { js: footer },
  };
  return (await build(folder, file, [source, ...exposing].join('\n'), options)).text;
}

async function build(
  folder: string,
  file: string,
  contents: string,
  options: BuildOptions,
): Promise<{ text: string; metafile: Metafile }> {
  const esbuild = await import('esbuild');
  const path = join(folder, file);
  try {
    const { outputFiles, metafile } = await esbuild.build({
      ...options,
      stdin: { contents, sourcefile: path, resolveDir: dirname(path), loader: 'js' },
      absWorkingDir: folder,
      bundle: true,
      write: false,
      metafile: true,
      // Browsers have no modules of Node either.
      platform: 'browser',
      target: 'esnext',
      charset: 'utf8',
      define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
      // What lies around must not change what comes out.
      tsconfigRaw: '{}',
      logLevel: 'silent',
    });
    return { text: outputFiles[0]?.text ?? '', metafile };
  } catch (error) {
    const [fault] = (error as Partial<BuildFailure>).errors ?? [];
    throw fault ? faultOf(fault, folder, file) : error;
  }
}

function faultOf({ text, location }: Message, folder: string, file: string): SluiceError {
  const { file: at = file, line = 1, column = 0 } = location ?? {};
  const place = `${at}:${line}:${column + 1}`;
  const [, name] = /^Could not resolve "([^"]*)"/.exec(text) ?? [];
  if (name === undefined) return new SluiceError('UDF_SYNTAX', `${place}: ${text}`);
  const why = isBuiltin(name)
    ? 'a module of Node, which a function does not have'
    : `which is not there: run \`npm install\` in ${folder}`;
  return new SluiceError('UDF_PACKAGE_MISSING', `${place}: it imports ${name}, ${why}`);
}
