/** `MatchFiles`: which files there are, as rows. */
import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { compressionOf } from '../../formats/compression.ts';
import { rowBatch } from '../../formats/rows.ts';
import { type InputFile, listFiles } from './list.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description: 'A file or a pattern: `dir/*.txt`, `gs://bucket/**/*.gz`.',
    },
  },
} as const;

export const matchFiles = defineSource({
  name: 'MatchFiles',
  system: 'Files',
  summary: 'Finds files, one row a file.',
  description:
    'A row has the `path` of the file, its `name` below the folders that the pattern names outright, and its `size`; that of an object also the `version` that was found. ' +
    'Nothing is read. Several workers share the files.',
  config,
  examples: [
    {
      title: 'The compressed files of all folders',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: MatchFiles\n      config: {path: gs://bucket/**/*.gz}\n    - type: WriteToJson\n      config: {path: gs://bucket/found}\n',
    },
  ],
  output: () => ({ form: 'row' }),
  reach: ({ path }) => ({ reads: [path] }),
  open: ({ path }, context) => openMatches(path, context),
});

/** The rows that were not given yet. */
interface Position {
  files: FileRow[];
}

interface FileRow {
  [field: string]: string | number;
}

const ROWS = 32;

async function openMatches(
  pattern: string,
  { config: home, worker, restored }: StageContext,
): Promise<Source> {
  const position = restored as unknown as Position | undefined;
  const files = position?.files ?? (await rowsFor(pattern, home, worker));
  let next = 0;
  return {
    async read() {
      const rows = files.slice(next, next + ROWS);
      next += rows.length;
      return rows.length > 0 ? rowBatch(rows) : 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json => ({ files: files.slice(next) }) satisfies Position,
    close: async () => {},
  };
}

async function rowsFor(pattern: string, home: Config, worker: StageContext['worker']): Promise<FileRow[]> {
  const root = rootOf(pattern);
  const files = await listFiles(pattern, 'auto', home);
  return files
    .filter(file => isMine(file, worker))
    .map(({ path, size, version }) => ({
      path,
      name: path.startsWith(root) ? path.slice(root.length) : basename(path),
      size,
      ...(version !== undefined && { version }),
    }));
}

/** The folder that a pattern names outright. */
function rootOf(pattern: string): string {
  const special = pattern.search(/[*?[\]{}]|[!+@]\(/);
  const fixed = special < 0 ? pattern : pattern.slice(0, special);
  const folder = fixed.slice(0, fixed.lastIndexOf('/') + 1);
  return /^(?:gs|s3):\/\//.test(folder) ? folder : resolve(folder, 'x').slice(0, -1);
}

/** By name, without what tells how it is compressed: whoever unpacks `a.gz` sees that `a.bz2` would become the same. */
function isMine({ path }: InputFile, { index, count }: StageContext['worker']): boolean {
  const stem = compressionOf(path) ? path.slice(0, path.lastIndexOf('.')) : path;
  return createHash('sha256').update(stem).digest().readUInt32BE() % count === index;
}
