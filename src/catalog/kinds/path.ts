/** What the kinds of paths have in common: where a path may lead, and its absolute form. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLOUD_PATH = /^(?:gs|s3):\/\/[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:\/.*)?$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
const CONTROL = /[\0\n\r]/;

/** What would be right for a path, after "must be". */
export const PATH_EXPECTED = 'gs://<bucket>/<path>, s3://<bucket>/<path> or a local path';

/**
 * `gs://…` and `s3://…` as they are, a local path (also `file://…`) made absolute from the working directory, its trailing slash kept;
 * undefined for other schemes, control characters and paths of a bucket that lead out of it.
 */
export function parsePath(given: string): string | undefined {
  const path = given.startsWith('file:///') ? pathOfUrl(given) : given;
  if (path === undefined || path === '' || CONTROL.test(path)) return undefined;
  if (/^(?:gs|s3):\/\//.test(path)) return CLOUD_PATH.test(path) && !leadsUp(path) ? path : undefined;
  if (SCHEME.test(path)) return undefined;
  return resolve(path) + (path.endsWith('/') && resolve(path) !== '/' ? '/' : '');
}

/** True when a segment of the path is `..` (or `.`): harmless in a local path, an escape from a bucket. */
export const leadsUp = (path: string): boolean => /(?:^|\/)\.\.?(?:\/|$)/.test(path);

function pathOfUrl(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
