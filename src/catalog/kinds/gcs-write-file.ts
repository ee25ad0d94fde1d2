/** A file to write. */
import { gcsReadFile } from './gcs-read-file.ts';
import type { Kind } from './kind.ts';

export const gcsWriteFile: Kind = {
  ...gcsReadFile,
  name: 'gcs-write-file',
  help: 'A file to write, `gs://<bucket>/<path>`, `s3://<bucket>/<path>` or a local path.',
  parse: (given, schema) => (/[*?[\]{}]/.test(given) ? undefined : gcsReadFile.parse(given, schema)),
  paramType: 'GCS_WRITE_FILE',
};
