/** `WriteToText` and `WriteToJson`: files of lines. */
import { type Batch, batchOf, type Failure, payloadOf, selectElements } from '../../engine/batch.ts';
import { defineSink, type ElementType, type StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { joinLines } from '../../formats/lines.ts';
import { checkPatterns, DEFAULT_PATTERNS, outputFolder } from './file-naming.ts';
import { openFileSink } from './file-sink.ts';
import { type OutputCompression, outputCompressions, packOf } from './output-compression.ts';

const pattern = (field: string, standard: string) =>
  ({
    type: 'string',
    default: standard,
    description: `Stands for the ${field} of a window's end in the folders of \`path\`.`,
  }) as const;

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: { type: 'string', minLength: 1, description: 'Folder and beginning of the file names.' },
    file_name_suffix: { type: 'string', default: '', description: 'End of the file names.' },
    num_shards: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: 'Files a window is spread over; 0: one a worker.',
    },
    shard_template: {
      type: 'string',
      description:
        '`S…` is the shard, `N…` the number of shards, `W` the window, `P` the pane. Default: `-SSSSS-of-NNNNN`, with windows `W-P-SS-of-NN`.',
    },
    compression: {
      enum: outputCompressions,
      default: 'auto',
      description: '`auto` goes by the end of the names: `.gz`, `.zst`, `.bz2`.',
    },
    year_pattern: pattern('year', DEFAULT_PATTERNS.year),
    month_pattern: pattern('month', DEFAULT_PATTERNS.month),
    day_pattern: pattern('day', DEFAULT_PATTERNS.day),
    hour_pattern: pattern('hour', DEFAULT_PATTERNS.hour),
    minute_pattern: pattern('minute', DEFAULT_PATTERNS.minute),
  },
} as const;

interface FileConfig {
  path: string;
  file_name_suffix?: string;
  num_shards?: number;
  shard_template?: string;
  compression?: OutputCompression;
  year_pattern?: string;
  month_pattern?: string;
  day_pattern?: string;
  hour_pattern?: string;
  minute_pattern?: string;
}

const DELIVERY =
  'Files are staged in a hidden folder and appear under their names when they are whole: at the end of a batch job, ' +
  "as a window's time is over in a stream. Each element is written exactly once, across any number of restarts.";

export const writeToText = defineSink({
  name: 'WriteToText',
  system: 'Files',
  once: true,
  summary: 'Writes one line an element.',
  description: `Takes text, or rows of exactly one field, whose value it writes. ${DELIVERY}`,
  config,
  examples: [
    {
      title: 'Numbered lines',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: Create\n      config: {elements: [one, two]}\n    - type: WriteToText\n      config: {path: gs://bucket/out/line, file_name_suffix: .txt}\n',
      output: ['one', 'two'],
    },
  ],
  accept(input) {
    if (input.form !== 'failure') return;
    throw new SluiceError(
      'PIPELINE_INVALID',
      'WriteToText takes no failed elements: put EncodeDeadLetters before it',
    );
  },
  beside,
  reach: settings => ({ writes: [outputFolder(settings)] }),
  open: (settings, context) => openLinesSink(settings, context, textEncoder(context.input)),
});

export const writeToJson = defineSink({
  name: 'WriteToJson',
  system: 'Files',
  once: true,
  summary: 'Writes rows as JSON objects, one a line.',
  description: `Text becomes an object of its one field. ${DELIVERY}`,
  config,
  examples: [
    {
      title: 'Rows',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: Create\n      config: {elements: [{a: 1}, {a: 2}]}\n    - type: WriteToJson\n      config: {path: gs://bucket/out/row, file_name_suffix: .json}\n',
      output: ['{"a":1}', '{"a":2}'],
    },
  ],
  beside,
  reach: settings => ({ writes: [outputFolder(settings)] }),
  open: (settings, context) => openLinesSink(settings, context, jsonEncoder(context.input)),
});

/** The files of another job have its label at the end of their names. */
function beside<Config extends FileConfig>(config: Config, label: string): Config {
  return { ...config, file_name_suffix: `-${label}${config.file_name_suffix ?? ''}` };
}

type Encode = (batch: Batch, stage: string) => { bytes: Buffer; failed?: Batch };

async function openLinesSink(settings: FileConfig, context: StageContext, encode: Encode) {
  const { path, file_name_suffix: suffix = '', num_shards: numShards = 0, compression = 'auto' } = settings;
  const patterns = {
    year: settings.year_pattern ?? DEFAULT_PATTERNS.year,
    month: settings.month_pattern ?? DEFAULT_PATTERNS.month,
    day: settings.day_pattern ?? DEFAULT_PATTERNS.day,
    hour: settings.hour_pattern ?? DEFAULT_PATTERNS.hour,
    minute: settings.minute_pattern ?? DEFAULT_PATTERNS.minute,
  };
  checkPatterns(patterns);
  const { type } = context.windowing;
  const standard = type === 'fixed' || type === 'sliding' ? 'W-P-SS-of-NN' : '-SSSSS-of-NNNNN';
  return openFileSink(
    {
      naming: { prefix: path, suffix, shardTemplate: settings.shard_template ?? standard, patterns },
      numShards,
      ...(await packOf(compression, suffix)),
      encode: batch => encode(batch, context.stage),
    },
    context,
  );
}

function textEncoder(input?: ElementType): Encode {
  if (input?.form === 'text') return batch => ({ bytes: joinLines(batch) });
  return (batch, stage) => {
    const lines: string[] = [];
    const refused: number[] = [];
    for (let i = 0; i < batch.count; i++) {
      const values = Object.values(JSON.parse(payloadOf(batch, i).toString()));
      if (values.length === 1)
        lines.push(typeof values[0] === 'string' ? values[0] : JSON.stringify(values[0]));
      else refused.push(i);
    }
    const bytes = joinLines(batchOf(lines));
    if (refused.length === 0) return { bytes };
    const failure: Failure = {
      code: 'NOT_ONE_FIELD',
      message: 'WriteToText takes rows of exactly one field',
      transform: stage,
    };
    return {
      bytes,
      failed: selectElements(
        batch,
        refused,
        refused.map(() => failure),
      ),
    };
  };
}

function jsonEncoder(input?: ElementType): Encode {
  if (input?.form === 'text') {
    const { field } = input;
    return batch => ({
      bytes: joinLines(batchOf(payloads(batch).map(text => JSON.stringify({ [field]: text })))),
    });
  }
  if (input?.form === 'failure') return batch => ({ bytes: joinLines(batchOf(errorRows(batch))) });
  return batch => ({ bytes: joinLines(onOneLineEach(batch)) });
}

/** Beam's error rows. */
function errorRows(batch: Batch): string[] {
  const { failures, failedField } = batch;
  return payloads(batch).map((payload, i) => {
    const { message = '', stack = '' } = failures?.[i] ?? {};
    const element = failedField === undefined ? payload : JSON.stringify({ [failedField]: payload });
    return `{"element":${element},"msg":${JSON.stringify(message)},"stack":${JSON.stringify(stack)}}`;
  });
}

const NEWLINE = 0x0a;

/** The rows, those that are pretty-printed over several lines put on one. */
function onOneLineEach(batch: Batch): Batch {
  const isBroken = (i: number) => payloadOf(batch, i).includes(NEWLINE);
  if (!Array.from({ length: batch.count }, (_, i) => i).some(isBroken)) return batch;
  return batchOf(payloads(batch).map((text, i) => (isBroken(i) ? JSON.stringify(JSON.parse(text)) : text)));
}

function payloads(batch: Batch): string[] {
  return Array.from({ length: batch.count }, (_, i) => payloadOf(batch, i).toString());
}
