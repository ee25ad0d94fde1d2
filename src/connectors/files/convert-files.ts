/** `CompressFiles` and `DecompressFiles`: whole files, each streamed into another, which is seen once it is whole. */
import { selectElements } from '../../engine/batch.ts';
import { defineSink, type Sink, type StageContext } from '../../engine/component.ts';
import {
  type Compression,
  compressionOf,
  compressions,
  compressor,
  decompressor,
  extensionOf,
} from '../../formats/compression.ts';
import { type Row, rowsOf } from '../../formats/rows.ts';
import { type Conversion, elementFailure, FileFailure, openFileWriter } from './file-writer.ts';
import { mapInParallel } from './in-parallel.ts';

const directory = {
  type: 'string',
  minLength: 1,
  description: 'The folder to write to.',
} as const;

const ROWS_TAKEN =
  'Takes rows with the `path` of a file and the `name` of the new one, as MatchFiles gives them. Files are streamed, ' +
  'never held in memory, and appear when they are whole, in place of what had their name. One that cannot be ' +
  'converted fails by itself.';

export const compressFiles = defineSink({
  name: 'CompressFiles',
  system: 'Files',
  once: true,
  summary: 'Compresses whole files.',
  description: ROWS_TAKEN,
  config: {
    type: 'object',
    required: ['directory', 'compression'],
    additionalProperties: false,
    properties: {
      directory,
      compression: { enum: compressions, description: 'How to compress them.' },
      file_name_suffix: {
        type: 'string',
        description: 'What is added to the names. Default: `.gz`, `.bz2`, `.deflate` or `.zst`.',
      },
    },
  } as const,
  examples: [
    {
      title: 'The text files of a folder',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: MatchFiles\n      config: {path: gs://bucket/in/*.txt}\n    - type: CompressFiles\n      config: {directory: gs://bucket/out/, compression: gzip}\n',
    },
  ],
  reach: ({ directory: folder }) => ({ writes: [`${folder}/`] }),
  open: ({ directory: folder, compression, file_name_suffix: suffix = extensionOf(compression) }, context) =>
    openConverter(folder, context, name => ({ name: name + suffix, codec: () => compressor(compression) })),
});

export const decompressFiles = defineSink({
  name: 'DecompressFiles',
  system: 'Files',
  once: true,
  summary: 'Decompresses whole files, as their names say.',
  description: `${ROWS_TAKEN} The new name lacks the ending that told how the file is compressed.`,
  config: {
    type: 'object',
    required: ['directory'],
    additionalProperties: false,
    properties: { directory },
  } as const,
  examples: [
    {
      title: 'Whatever is compressed in a bucket',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: MatchFiles\n      config: {path: gs://bucket/in/**}\n    - type: DecompressFiles\n      config: {directory: gs://bucket/out/}\n',
    },
  ],
  reach: ({ directory: folder }) => ({ writes: [`${folder}/`] }),
  open: ({ directory: folder }, context) =>
    openConverter(folder, context, (name, path) => {
      const compression = compressionOf(path);
      if (!compression)
        throw new FileFailure(
          'FILE_NOT_COMPRESSED',
          `Skipping file ${path} because it did not match any compression mode (${compressions.map(upper).join(', ')})`,
        );
      const bare = compressionOf(name) ? name.slice(0, name.lastIndexOf('.')) : name;
      return { name: bare, codec: () => decompressor(compression), broken: malformed(path, compression) };
    }),
});

const upper = (compression: Compression): string => compression.toUpperCase();

const malformed = (path: string, compression: Compression): FileFailure =>
  new FileFailure(
    'FILE_MALFORMED',
    `The file resource ${path} is malformed or not in ${upper(compression)} compressed format.`,
  );

/** Files at a time. */
const AT_ONCE = 8;

async function openConverter(
  folder: string,
  context: StageContext,
  conversionOf: (name: string, path: string) => Conversion,
): Promise<Sink> {
  const { input = { form: 'row' }, stage } = context;
  const writer = await openFileWriter(folder, context);
  const convert = async (row: Row): Promise<void> => {
    const { path, name, size, version } = row;
    if (typeof path !== 'string' || typeof name !== 'string')
      throw new FileFailure('FILE_UNREADABLE', 'the row has no `path` and `name` of a file');
    const known = typeof size === 'number' && typeof version === 'string' ? { size, version } : undefined;
    await writer.write(path, conversionOf(name, path), known);
  };
  return {
    async write(batch) {
      const outcomes = await mapInParallel(rowsOf(batch, input), AT_ONCE, row =>
        convert(row).then(
          () => undefined,
          error => elementFailure(error, stage),
        ),
      );
      const refused = outcomes.flatMap((failure, index) => (failure ? [{ failure, index }] : []));
      if (refused.length === 0) return undefined;
      const indices = refused.map(({ index }) => index);
      return {
        failed: selectElements(
          batch,
          indices,
          refused.map(({ failure }) => failure),
        ),
      };
    },
    prepare: writer.prepare,
    commit: async () => {},
    close: writer.close,
    outputs: writer.outputs,
  };
}
