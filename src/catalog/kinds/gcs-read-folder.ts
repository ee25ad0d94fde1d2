/** A folder to read. Its normal form ends with a slash. */
import { gcsWriteFolder } from './gcs-write-folder.ts';
import type { Kind } from './kind.ts';

export const gcsReadFolder: Kind = {
  ...gcsWriteFolder,
  name: 'gcs-read-folder',
  help: 'A folder to read, `gs://<bucket>/<path>`, `s3://<bucket>/<path>` or a local path.',
  paramType: 'GCS_READ_FOLDER',
};
