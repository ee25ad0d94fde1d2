/** Files to read: a path or a pattern. */
import type { Kind } from './kind.ts';
import { PATH_EXPECTED, parsePath } from './path.ts';

export const gcsReadFile: Kind = {
  name: 'gcs-read-file',
  help: 'A file to read, `gs://<bucket>/<path>`, `s3://<bucket>/<path>` or a local path.',
  expected: () => PATH_EXPECTED,
  fault: given =>
    given.endsWith('/') ? 'must be a file: a path that ends in a slash is a folder' : undefined,
  parse: given => (given.endsWith('/') ? undefined : parsePath(given)),
  widget: 'file',
  isPath: true,
  paramType: 'GCS_READ_FILE',
};
