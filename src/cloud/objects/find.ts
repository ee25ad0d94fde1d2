/** Finds the objects that a pattern stands for, by the rules that hold for local files. */
import { matchesGlob } from 'node:path';
import type { Config } from '../../config.ts';
import { SluiceError } from '../../errors.ts';
import { requireModestPattern } from '../patterns.ts';
import { type FoundObject, objectsBelow, statObject } from './objects.ts';

const SPECIAL = /[*?[\]{}]|[!+@]\(/;
/** They are held in memory, and in each checkpoint. */
const MAX_FOUND = 1_000_000;

/** The objects that match, by name; empty names of folders are none. @throws SluiceError */
export async function findObjects(pattern: string, config: Config): Promise<FoundObject[]> {
  const exact = await statObject(pattern, config);
  if (exact) return [exact];
  const special = pattern.search(SPECIAL);
  if (special < 0) return [];
  requireModestPattern(pattern);
  const root = pattern.indexOf('/', pattern.indexOf('://') + 3) + 1;
  const wanted = pattern.slice(root);
  const found: FoundObject[] = [];
  for await (const page of objectsBelow(pattern.slice(0, special), config)) {
    for (const object of page)
      if (!object.path.endsWith('/') && matchesGlob(object.path.slice(root), wanted)) found.push(object);
    if (found.length > MAX_FOUND)
      throw new SluiceError('INPUT_NOT_FOUND', `${pattern} stands for more than ${MAX_FOUND} objects`);
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
