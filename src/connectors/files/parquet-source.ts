/** `ReadFromParquet`: files of Parquet as rows. */
import { defineSource, type Json } from '../../engine/component.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { openParquet } from '../../formats/parquet/read.ts';
import { openRecordSource, type RecordReader } from './record-source.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: { type: 'string', minLength: 1, description: 'A file or a pattern: `gs://bucket/part-*.parquet`.' },
    columns: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
      description: 'The columns to read. Default: all.',
    },
  },
} as const;

export const readFromParquet = defineSource({
  name: 'ReadFromParquet',
  system: 'Files',
  summary: 'Reads files of Parquet, one row a row.',
  description:
    'Values come as those of ReadFromAvro do; lists, maps and structures are lists and objects. A file that is broken ' +
    'fails the job. Several workers share the row groups.',
  config,
  examples: [
    {
      title: 'Two columns as CSV',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromParquet
      config: {path: gs://bucket/in/*.parquet, columns: [name, born]}
    - type: WriteToCsv
      config: {path: gs://bucket/out/people}
`,
    },
  ],
  output: () => ({ form: 'row' }),
  reach: ({ path }) => ({ reads: [path] }),
  open: ({ path, columns }, context) =>
    openRecordSource(
      path,
      {
        whole: false,
        open: (file, _name, index, from) =>
          readGroups(file, columns, index, context.worker, from as unknown as Place | undefined),
      },
      context,
    ),
});

interface Place {
  group: number;
  row: number;
}

/** Row groups in turn; those of all files are dealt out to the workers like cards. */
async function readGroups(
  source: ByteSource,
  columns: readonly string[] | undefined,
  index: number,
  worker: { index: number; count: number },
  from: Place = { group: 0, row: 0 },
): Promise<RecordReader> {
  const { groups, read } = await openParquet(source, columns);
  let { group, row } = from;
  return {
    get position(): Json {
      return { group, row };
    },
    async next() {
      while (group < groups.length) {
        const isMine = (index + group) % worker.count === worker.index;
        if (isMine && row < (groups[group] ?? 0)) {
          const rows = await read(group, row);
          row += rows.length;
          if (rows.length > 0) return rows;
        }
        group++;
        row = 0;
      }
      return undefined;
    },
  };
}
