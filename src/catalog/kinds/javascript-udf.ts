/** A JavaScript function of the user's: the script. */
import type { Kind } from './kind.ts';
import { parsePath } from './path.ts';

const LIBRARY = /^udf:\/\/[A-Za-z0-9][A-Za-z0-9._-]*(?:@[A-Za-z0-9][A-Za-z0-9._-]*)?$/;

export const javascriptUdf: Kind = {
  name: 'javascript-udf',
  help: 'A script, or a pattern for several: `gs://<bucket>/<path>`, `s3://<bucket>/<path>`, a local path, or `udf://<name>[@<version>]` from the library.',
  expected: () =>
    'a script: gs://<bucket>/<path>, s3://<bucket>/<path>, a local path, or udf://<name>[@<version>]',
  parse(given) {
    if (given.startsWith('udf://')) return LIBRARY.test(given) ? given : undefined;
    return given.endsWith('/') ? undefined : parsePath(given);
  },
  widget: 'udf',
  isPath: true,
  paramType: 'JAVASCRIPT_UDF_FILE',
};
