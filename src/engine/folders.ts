/** Makes folders, as `mkdir -p` does. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../errors.ts';

/**
 * Makes a folder and those above it that are missing; gives the topmost one it made, or undefined. Node's own recursive
 * mkdir never returns where a file system, such as /proc, denies that a folder can be made by saying it is not there.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const code = await tryToMake(path);
  if (code === undefined) return path;
  if (code === 'EEXIST') return undefined;
  const made = await makeFolder(dirname(path));
  await mkdir(path).catch(error => {
    // Someone else was faster.
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  return made ?? path;
}

/** Undefined when it was made; else why not: it is there, or its parent is missing. Throws for any other reason. */
async function tryToMake(path: string, again = true): Promise<'EEXIST' | 'ENOENT' | undefined> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return code;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    if (!(await exists(dirname(path)))) return code;
    // Someone else may have made the folder above just now.
    if (again) return tryToMake(path, false);
    throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
