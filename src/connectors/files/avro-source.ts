/** `ReadFromAvro`: container files of Avro as rows. */
import { defineSource, type Json } from '../../engine/component.ts';
import { type AvroPosition, readAvro } from '../../formats/avro/read.ts';
import { openRecordSource } from './record-source.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: { type: 'string', minLength: 1, description: 'A file or a pattern: `gs://bucket/part-*.avro`.' },
  },
} as const;

export const readFromAvro = defineSource({
  name: 'ReadFromAvro',
  system: 'Files',
  summary: 'Reads files of Avro, one row a record.',
  description:
    'Dates and times are text as RFC 3339 has it, decimals of more than 15 digits are text, bytes are base64, and what ' +
    'JSON has no number for (`NaN`) is text. Files may be compressed with deflate, snappy, zstandard or bzip2, and have ' +
    'different schemas. One that is broken fails the job. Several workers share the files.',
  config,
  examples: [
    {
      title: 'Records as JSON',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromAvro
      config: {path: gs://bucket/in/*.avro}
    - type: WriteToJson
      config: {path: gs://bucket/out/rows}
`,
    },
  ],
  output: () => ({ form: 'row' }),
  reach: ({ path }) => ({ reads: [path] }),
  open: ({ path }, context) =>
    openRecordSource(
      path,
      {
        whole: true,
        open: async (file, name, _index, from) => {
          const reader = await readAvro(file, name, from as unknown as AvroPosition | undefined);
          return {
            next: reader.next,
            get position() {
              return reader.position as unknown as Json;
            },
          };
        },
      },
      context,
    ),
});
