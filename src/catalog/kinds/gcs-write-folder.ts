/** A folder to write into. Its normal form ends with a slash, so that a file name may follow. */
import type { Kind } from './kind.ts';
import { PATH_EXPECTED, parsePath } from './path.ts';

export const gcsWriteFolder: Kind = {
  name: 'gcs-write-folder',
  help: 'A folder to write into, `gs://<bucket>/<path>`, `s3://<bucket>/<path>` or a local path.',
  expected: () => PATH_EXPECTED,
  parse(given) {
    const path = parsePath(given);
    return path === undefined || path.endsWith('/') ? path : `${path}/`;
  },
  widget: 'folder',
  isPath: true,
  paramType: 'GCS_WRITE_FOLDER',
};
