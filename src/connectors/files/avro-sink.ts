/** `WriteToAvro`: rows or messages into container files of Avro. */
import { defineSink, type ElementType } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { avroCodecs } from '../../formats/avro/codecs.ts';
import { createAvro } from '../../formats/avro/file.ts';
import { recordProperties, recordReach } from './record-config.ts';
import { openRecordSink } from './record-sink.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    ...recordProperties,
    file_name_suffix: { type: 'string', default: '.avro', description: 'End of the file names.' },
    codec: { enum: avroCodecs, default: 'deflate', description: 'How the blocks of a file are compressed.' },
  },
} as const;

export const writeToAvro = defineSink({
  name: 'WriteToAvro',
  system: 'Files',
  once: true,
  summary: 'Writes rows as records into files of Avro.',
  description:
    'With a `schema` an element that does not fit it fails with SCHEMA_VIOLATED; numbers and booleans are taken from ' +
    'text, timestamps from RFC 3339 or a number in the unit of the type, bytes from base64, and a field that is missing ' +
    "is its default, or null. Without one the schema is found out from all rows of a file, as BigQuery's " +
    'autodetection does, and told. Files appear as those of WriteToText do, and each element is written exactly once.',
  config,
  examples: [
    {
      title: 'Rows with a schema',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{name: Ada, born: 1815}, {name: John, born: null}]}
    - type: WriteToAvro
      config:
        path: gs://bucket/out/people
        schema:
          type: record
          name: Person
          fields:
            - {name: name, type: string}
            - {name: born, type: ["null", int]}
`,
    },
  ],
  accept: input => requireRows(input, 'WriteToAvro'),
  beside: (settings, label) => ({
    ...settings,
    file_name_suffix: `-${label}${settings.file_name_suffix ?? '.avro'}`,
  }),
  reach: recordReach,
  open: ({ codec = 'deflate', file_name_suffix: suffix = '.avro', ...settings }, context) =>
    openRecordSink(
      {
        suffix,
        blocks: codec,
        create: (path, { text }, marker) => createAvro(path, { schema: text, codec, marker }),
      },
      settings,
      context,
    ),
});

/** @throws SluiceError PIPELINE_INVALID for failed elements */
export function requireRows(input: ElementType, sink: string): void {
  if (input.form !== 'failure') return;
  throw new SluiceError(
    'PIPELINE_INVALID',
    `${sink} takes no failed elements: put EncodeDeadLetters before it`,
  );
}
