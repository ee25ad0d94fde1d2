/** `WriteToParquet`: rows or messages into files of Parquet. */
import { defineSink } from '../../engine/component.ts';
import { parquetSchema } from '../../formats/parquet/columns.ts';
import { createParquet, parquetCodecs } from '../../formats/parquet/write.ts';
import { requireRows } from './avro-sink.ts';
import { recordProperties, recordReach } from './record-config.ts';
import { openRecordSink } from './record-sink.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    ...recordProperties,
    file_name_suffix: { type: 'string', default: '.parquet', description: 'End of the file names.' },
    codec: { enum: parquetCodecs, default: 'snappy', description: 'How the pages of a file are compressed.' },
    row_group_buffer_size: {
      type: 'integer',
      minimum: 1024,
      maximum: 1 << 28,
      default: 1 << 25,
      description: 'A row group is closed when its rows take so many bytes, or are 100,000.',
    },
  },
} as const;

export const writeToParquet = defineSink({
  name: 'WriteToParquet',
  system: 'Files',
  once: true,
  summary: 'Writes rows into files of Parquet.',
  description:
    'The schema is given or found out as that of WriteToAvro is. A union of several types, and a record that holds ' +
    'itself, have no column: such a schema is refused. A file is made when its last row is there, row group by row ' +
    'group; files appear as those of WriteToText do, and each element is written exactly once.',
  config,
  examples: [
    {
      title: 'Rows with the schema that they tell',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{name: Ada, born: 1815}, {name: John, born: null}]}
    - type: WriteToParquet
      config: {path: gs://bucket/out/people}
`,
    },
  ],
  accept: input => requireRows(input, 'WriteToParquet'),
  beside: (settings, label) => ({
    ...settings,
    file_name_suffix: `-${label}${settings.file_name_suffix ?? '.parquet'}`,
  }),
  reach: recordReach,
  open: (
    {
      codec = 'snappy',
      file_name_suffix: suffix = '.parquet',
      row_group_buffer_size: groupBytes = 1 << 25,
      ...settings
    },
    context,
  ) =>
    openRecordSink(
      {
        suffix,
        check: ({ type }) => void parquetSchema(type),
        create: (path, { type }) => createParquet(path, type, { codec, groupBytes }),
      },
      settings,
      context,
    ),
});
