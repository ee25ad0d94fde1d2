/** Reads the scripts of a UDF wherever they are: those of an object store too. */
import { basename, extname } from 'node:path';
import { findObjects } from '../cloud/objects/find.ts';
import { isObject } from '../cloud/objects/locate.ts';
import { readText } from '../cloud/objects/read.ts';
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import type { UdfScript } from './frames.ts';
import { isScript, readScripts, tooLarge } from './scripts.ts';
import { MAX_SOURCE_BYTES } from './versions.ts';

/** As `readScripts`, of any path. @throws SluiceError also what keeps an object from being read */
export async function loadScripts(path: string, config: Config): Promise<UdfScript[]> {
  if (!isObject(path, config)) return readScripts(path, config);
  const objects = (await findObjects(path, config)).filter(object => isScript(object.path));
  if (objects.length === 0) throw new SluiceError('UDF_NOT_FOUND', `no .js or .mjs object matches ${path}`);
  if (objects.reduce((sum, { size }) => sum + size, 0) > MAX_SOURCE_BYTES) throw tooLarge(path);
  const scripts: UdfScript[] = [];
  for (const object of objects) {
    const source = (await readText(object, config)).replace(/^\uFEFF/, '');
    scripts.push({ name: basename(object.path), source, module: extname(object.path) === '.mjs' });
  }
  return scripts;
}
