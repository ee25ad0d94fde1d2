/** `ReadFromText` and `ReadFromJson`: files of lines, read by position. */
import { isObject } from '../../cloud/objects/locate.ts';
import { type Batch, payloadOf, positionOf } from '../../engine/batch.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME, parseDuration } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { rowsOf } from '../../formats/rows.ts';
import { interruptible } from './interruptible.ts';
import { type LineReader, openLines } from './line-reader.ts';
import {
  bytesLeft,
  type FileRange,
  type InputCompression,
  inputCompressions,
  listFiles,
  requireUnchanged,
  shareFiles,
} from './list.ts';
import { openWatchedFiles } from './watched-source.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description: 'A file or a pattern: `dir/*.txt`, `gs://bucket/part-*.gz`.',
    },
    compression: {
      enum: inputCompressions,
      default: 'auto',
      description: '`auto` goes by the end of a name: `.gz`, `.zst`, `.bz2`, `.deflate`.',
    },
  },
} as const;

const watchable = {
  ...config,
  properties: {
    ...config.properties,
    watch_interval: {
      type: 'string',
      minLength: 2,
      description:
        'How often to look for new files, e.g. `10s`: the source then never ends. Default: it reads what is there and ends.',
    },
    header: {
      type: 'boolean',
      default: false,
      description:
        'The first line of each file is a header, from which ParseCsv takes the names of the columns. Not with `watch_interval`.',
    },
  },
} as const;

export const readFromText = defineSource({
  name: 'ReadFromText',
  system: 'Files',
  summary: 'Reads files of text, one element a line.',
  description:
    'Each element has one field, `line`: the bytes of the line without its ending (`\\n` or `\\r\\n`). ' +
    'Empty lines are elements; bytes that are not valid UTF-8 are kept as they are. Several workers share big files. ' +
    'With `watch_interval` it reads each new file once, by its name: one that changes later is not read again, and one ' +
    'that changed within the last second waits. Event time is then the time of reading.',
  config: watchable,
  examples: [
    {
      title: 'All text files of a folder',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: ReadFromText\n      config: {path: gs://bucket/in/*.txt}\n    - type: WriteToText\n      config: {path: gs://bucket/out/lines}\n',
    },
  ],
  output: () => ({ form: 'text', field: 'line' }),
  streaming: ({ watch_interval: interval }) => interval !== undefined,
  reach: ({ path }) => ({ reads: [path] }),
  open: ({ path, compression = 'auto', watch_interval: interval, header = false }, context) =>
    interval === undefined
      ? openFiles(path, compression, context, header)
      : openWatchedFiles(path, compression, intervalOf(interval, context), context),
});

export const readFromJson = defineSource({
  name: 'ReadFromJson',
  system: 'Files',
  summary: 'Reads files of JSON objects, one a line.',
  description:
    'Each element is a row of the fields of its object. A line that is no JSON object fails the job.',
  config,
  examples: [
    {
      title: 'Newline-delimited JSON',
      yaml: 'pipeline:\n  type: chain\n  transforms:\n    - type: ReadFromJson\n      config: {path: gs://bucket/in/*.ndjson}\n    - type: WriteToJson\n      config: {path: gs://bucket/out/rows}\n',
    },
  ],
  output: () => ({ form: 'row' }),
  reach: ({ path }) => ({ reads: [path] }),
  async open({ path, compression = 'auto' }, context) {
    const source = await openFiles(path, compression, context);
    return {
      ...source,
      async read(signal) {
        const batch = await source.read(signal);
        if (batch !== 'end' && batch !== 'idle') requireObjects(batch);
        return batch;
      },
    };
  },
});

function intervalOf(text: string, { stage }: StageContext): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new SluiceError(
    'PIPELINE_INVALID',
    `${stage}: "${text}" is no duration to look for new files after, e.g. 10s`,
  );
}

/** What a checkpoint knows of the files: this worker's shares, and how far it is. */
interface Position {
  ranges: FileRange[];
  index: number;
  offset?: number;
}

async function openFiles(
  pattern: string,
  compression: InputCompression,
  context: StageContext,
  withHeader = false,
): Promise<Source> {
  const restored = context.restored as unknown as Position | undefined;
  const ranges =
    restored?.ranges ?? shareFiles(await listFiles(pattern, compression, context.config), context.worker);
  if (restored) await requireUnchanged(ranges);
  let index = restored?.index ?? 0;
  let offset = restored?.offset;
  let laterBytes = ranges.slice(index + 1).reduce((sum, { start, end }) => sum + end - start, 0);
  // Opening the first file now refuses an unreadable one before anything is written.
  let reader: LineReader | undefined = await openAt(context, ranges[index], offset);
  let header = withHeader ? await readHeader(context, ranges[index]) : undefined;

  const source: Source = {
    async read() {
      while (reader) {
        const batch = await reader.next();
        offset = reader.offset;
        if (batch) return header && batch.origin ? { ...batch, origin: { ...batch.origin, header } } : batch;
        await reader.close();
        offset = undefined;
        const next = ranges[++index];
        if (next) laterBytes -= next.end - next.start;
        reader = await openAt(context, next);
        header = withHeader ? await readHeader(context, ranges[index]) : undefined;
      }
      return 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json => ({ ranges, index, offset }) as unknown as Json,
    backlog: () => ({ bytes: laterBytes + bytesLeft(ranges[index], offset) }),
    close: async () => reader?.close(),
  };
  return isObject(pattern, context.config) ? interruptible(source) : source;
}

async function openAt(
  { config: home }: StageContext,
  range?: FileRange,
  offset?: number,
): Promise<LineReader | undefined> {
  return range && openLines(range, home, offset);
}

/** The first line of a file, of which this worker may have a later share. */
async function readHeader(context: StageContext, range?: FileRange): Promise<Buffer | undefined> {
  const reader = await openAt(context, range && { ...range, start: 0, end: range.size });
  const first = await reader?.next();
  await reader?.close();
  return first && Buffer.from(payloadOf(first, 0));
}

/** Parses the lines, so that whoever takes them for rows need not. */
function requireObjects(batch: Batch): void {
  try {
    rowsOf(batch, { form: 'row' });
  } catch (error) {
    nameCulprit(batch);
    throw error;
  }
}

function nameCulprit(batch: Batch): void {
  for (let i = 0; i < batch.count; i++) {
    if (!isJsonObject(payloadOf(batch, i).toString())) {
      throw new SluiceError('INPUT_UNREADABLE', `${positionOf(batch, i)}: the line is not a JSON object`);
    }
  }
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
