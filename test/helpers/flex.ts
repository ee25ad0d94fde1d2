/** Folders that images are built from. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from './temporary.ts';

const root = join(import.meta.dirname, '../..');

/** A copy of the example with its package installed, in a folder that is gone after the test. */
export async function flexExample(t: TestContext): Promise<string> {
  const folder = join(await temporaryFolder(t), 'places');
  await cp(join(root, 'examples/flex-places'), folder, { recursive: true });
  const name = 'fastest-levenshtein';
  await cp(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
  return folder;
}

/** Writes files below a folder: texts by their paths. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
