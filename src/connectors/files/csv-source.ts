/** `ReadFromCsv`: files of CSV as rows. */
import { isObject } from '../../cloud/objects/locate.ts';
import { defineSource, type Json, type Source, type StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { type ColumnType, columnTypeOf, readCell } from '../../formats/csv-types.ts';
import { type Row, rowBatch } from '../../formats/rows.ts';
import { type CsvFormat, type CsvReader, openCsv } from './csv-reader.ts';
import { interruptible } from './interruptible.ts';
import {
  type InputCompression,
  type InputFile,
  inputCompressions,
  listFiles,
  requireUnchanged,
} from './list.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description: 'A file or a pattern: `dir/*.csv`, `gs://bucket/part-*.csv.gz`.',
    },
    delimiter: {
      type: 'string',
      minLength: 1,
      maxLength: 10,
      default: ',',
      description: 'What stands between fields.',
    },
    comment: {
      type: 'string',
      minLength: 1,
      maxLength: 10,
      description: 'What begins a comment, up to the end of the line.',
    },
    names: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
      description:
        'The names of the columns, of files without a header. Default: the first record of each file is a header.',
    },
    compression: {
      enum: inputCompressions,
      default: 'auto',
      description: '`auto` goes by the end of a name: `.gz`, `.zst`, `.bz2`, `.deflate`.',
    },
    infer_types: {
      type: 'boolean',
      default: true,
      description: '`false`: all values stay text as they are.',
    },
  },
} as const;

export const readFromCsv = defineSource({
  name: 'ReadFromCsv',
  system: 'Files',
  summary: 'Reads files of CSV, one row a record.',
  description:
    'Types are inferred as pandas does, here from the first 1,000 records (or 64 MiB) of a file: a column of integers, numbers or booleans ' +
    '(`True`, `false` …) has such values, so leading zeros are lost; later values that are none stay text. Empty ' +
    'fields, `NA`, `NaN`, `null` and the like are null. Records may span lines, within quotes. One with too few fields ' +
    'has nulls; one with too many fails the job: ParseCsv makes dead letters of such lines. Several workers share the files.',
  config,
  examples: [
    {
      title: 'Records separated by semicolons',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromCsv
      config: {path: gs://bucket/in/*.csv, delimiter: ;}
    - type: WriteToJson
      config: {path: gs://bucket/out/rows}
`,
    },
  ],
  output: () => ({ form: 'row' }),
  reach: ({ path }) => ({ reads: [path] }),
  open: (
    { path, delimiter = ',', comment, names, infer_types: infer = true, compression = 'auto' },
    context,
  ) =>
    openFiles(
      path,
      { delimiter, ...(comment !== undefined && { comment }) },
      { names, infer, compression },
      context,
    ),
});

interface Column {
  name: string;
  type: ColumnType;
}

/** What a checkpoint knows: this worker's files, and how far it is. */
interface Position {
  files: InputFile[];
  index: number;
  offset: number;
  /** The types of columns, by name; absent: no record has been read. */
  types?: Record<string, ColumnType>;
  /** The header of the file under way. */
  header?: string[];
}

const SAMPLED_RECORDS = 1000;
/** Records can be so long that a thousand of them do not fit into memory. */
const SAMPLED_BYTES = 1 << 26;

async function openFiles(
  pattern: string,
  format: CsvFormat,
  { names, infer, compression }: { names?: readonly string[]; infer: boolean; compression: InputCompression },
  { config: home, worker, restored: position }: StageContext,
): Promise<Source> {
  const restored = position as unknown as Position | undefined;
  const files =
    restored?.files ??
    (await listFiles(pattern, compression, home)).filter((_, i) => i % worker.count === worker.index);
  if (restored) await requireUnchanged(files);
  let index = restored?.index ?? 0;
  let header = restored?.header;
  const types = new Map(Object.entries(restored?.types ?? {}));
  let reader: CsvReader | undefined = await openAt(files[index], restored?.offset);

  async function openAt(file: InputFile | undefined, offset = 0): Promise<CsvReader | undefined> {
    return file && openCsv(file, format, home, offset);
  }

  const isInferred = () => !infer || (header ?? names ?? []).every(name => types.has(name));

  const columnsOf = (records: readonly string[][]): Column[] => {
    const given = header ?? names ?? [];
    return given.map((name, i) => {
      const known = types.get(name);
      const type = known ?? (infer ? columnTypeOf(records.map(record => record[i] ?? '')) : 'text');
      if (!known) types.set(name, type);
      return { name, type };
    });
  };

  const source: Source = {
    async read() {
      while (reader) {
        if (!names && !header) header = headerOf((await reader.next(1))[0], files[index]?.path);
        const records = await reader.next(SAMPLED_RECORDS, isInferred() ? undefined : SAMPLED_BYTES);
        if (records.length > 0) {
          const columns = columnsOf(records);
          return rowBatch(records.map(record => rowOf(record, columns, infer, files[index]?.path)));
        }
        await reader.close();
        header = undefined;
        reader = await openAt(files[++index]);
      }
      return 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json =>
      ({
        files,
        index,
        offset: reader?.offset ?? 0,
        types: Object.fromEntries(types),
        header,
      }) as unknown as Json,
    close: async () => reader?.close(),
  };
  return isObject(pattern, home) ? interruptible(source) : source;
}

/** The names of the columns; a name that is there twice gets a number, as pandas has it. */
function headerOf(record: string[] | undefined, path = ''): string[] | undefined {
  const names: string[] = [];
  for (const [i, given] of (record ?? []).entries()) {
    const name = given === '' ? `Unnamed: ${i}` : given;
    let unique = name;
    for (let n = 1; names.includes(unique); n++) unique = `${name}.${n}`;
    names.push(unique);
  }
  if (names.includes('__proto__'))
    throw new SluiceError('INPUT_UNREADABLE', `${path}: a column cannot be called __proto__`);
  return record && names;
}

function rowOf(record: readonly string[], columns: readonly Column[], infer: boolean, path = ''): Row {
  if (record.length > columns.length)
    throw new SluiceError(
      'INPUT_UNREADABLE',
      `${path}: a record has ${record.length} fields, and there are ${columns.length} columns: ${record.join(',').slice(0, 100)}`,
    );
  const row: Row = {};
  for (const [i, { name, type }] of columns.entries())
    row[name] = infer ? readCell(record[i], type) : (record[i] ?? null);
  return row;
}
