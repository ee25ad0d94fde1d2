/** `WriteToCsv`: rows as files of CSV. */
import { type Batch, type Failure, selectElements } from '../../engine/batch.ts';
import { defineSink, type Json, type StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { stringifyExact } from '../../formats/exact-json.ts';
import { type Row, rowsOf } from '../../formats/rows.ts';
import { DEFAULT_PATTERNS, type Naming, outputFolder } from './file-naming.ts';
import { openFileSink } from './file-sink.ts';
import { outputCompressions, packOf } from './output-compression.ts';

const config = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: { type: 'string', minLength: 1, description: 'Folder and beginning of the file names.' },
    delimiter: {
      type: 'string',
      minLength: 1,
      maxLength: 10,
      default: ',',
      description: 'What stands between fields.',
    },
    header: {
      type: 'boolean',
      default: true,
      description: 'Whether each file begins with the names of the columns.',
    },
    columns: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
      description: 'The columns, in their order. Default: the fields of the first row.',
    },
    file_name_suffix: {
      type: 'string',
      default: '.csv',
      description: 'End of the file names.',
    },
    compression: {
      enum: outputCompressions,
      default: 'auto',
      description: '`auto` goes by the end of the names: `.gz`, `.zst`, `.bz2`.',
    },
    num_shards: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: 'Files a window is spread over; 0: one a worker.',
    },
    shard_template: { type: 'string', description: 'As that of WriteToText.' },
    single_file: {
      type: 'boolean',
      default: false,
      description:
        '`true`: batch jobs write one file, called as `path` says, also when there is no row, in place of what had its name; workers but the first add their number.',
    },
  },
} as const;

export const writeToCsv = defineSink({
  name: 'WriteToCsv',
  system: 'Files',
  once: true,
  summary: 'Writes rows as CSV, one a record.',
  description:
    'Null is an empty field, booleans are `True` and `False`, lists and objects are JSON. A row without one of the ' +
    'columns has an empty field there; one with a further field fails. Files appear as those of WriteToText do.',
  config,
  examples: [
    {
      title: 'Rows under a header',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: Create
      config: {elements: [{name: Ada, born: 1815}, {name: 'Neumann, John von', born: 1903}]}
    - type: WriteToCsv
      config: {path: gs://bucket/out/people}
`,
      output: ['name,born', 'Ada,1815', '"Neumann, John von",1903'],
    },
  ],
  accept(input) {
    if (input.form !== 'failure') return;
    throw new SluiceError(
      'PIPELINE_INVALID',
      'WriteToCsv takes no failed elements: put EncodeDeadLetters before it',
    );
  },
  reach: ({ path }) => ({ writes: [outputFolder({ path })] }),
  async open(settings, context) {
    const { stringify } = await import('csv-stringify/sync');
    const { path, delimiter = ',', header = true, file_name_suffix: suffix = '.csv' } = settings;
    const { single_file: single = false } = settings;
    const restored = context.restored as unknown as { files: Json; columns?: string[] } | undefined;
    let columns = restored?.columns ?? settings.columns;
    const text = (records: readonly unknown[][]) =>
      Buffer.from(
        stringify([...records], { delimiter, cast: { object: stringifyExact, boolean: capitalized } }),
      );
    const sink = await openFileSink(
      {
        naming: single
          ? singleName(path, context)
          : {
              prefix: path,
              suffix,
              shardTemplate:
                settings.shard_template ??
                (context.windowing.type === 'global' ? '-SSSSS-of-NNNNN' : 'W-P-SS-of-NN'),
              patterns: DEFAULT_PATTERNS,
            },
        numShards: single ? 0 : (settings.num_shards ?? 0),
        single,
        ...(await packOf(settings.compression ?? 'auto', single ? path : suffix)),
        ...(header && { header: () => text([[...(columns ?? [])]]) }),
        encode(batch) {
          const rows = rowsOf(batch, context.input ?? { form: 'row' });
          columns ??= Object.keys(rows[0] ?? {});
          const { records, failed } = recordsOf(batch, rows, columns, context);
          return { bytes: text(records), ...(failed && { failed }) };
        },
      },
      { ...context, ...(restored && { restored: restored.files }) },
    );
    return {
      ...sink,
      prepare: async (): Promise<Json> => ({
        files: await sink.prepare(),
        ...(columns && { columns: [...columns] }),
      }),
    };
  },
});

/** The only file of a worker: the first has the name itself. */
function singleName(path: string, { worker }: StageContext): Naming {
  const dot = path.lastIndexOf('.');
  const end = dot > path.lastIndexOf('/') + 1 ? dot : path.length;
  const shardTemplate = worker.index === 0 ? '' : `-${worker.index}`;
  return { prefix: path.slice(0, end), suffix: path.slice(end), shardTemplate, patterns: DEFAULT_PATTERNS };
}

const capitalized = (value: boolean): string => (value ? 'True' : 'False');

function recordsOf(
  batch: Batch,
  rows: readonly Row[],
  columns: readonly string[],
  { stage }: StageContext,
): { records: unknown[][]; failed?: Batch } {
  const known = new Set(columns);
  const records: unknown[][] = [];
  const refused: number[] = [];
  const failures: Failure[] = [];
  for (const [i, row] of rows.entries()) {
    const further = Object.keys(row).find(name => !known.has(name));
    if (further === undefined) records.push(columns.map(name => row[name]));
    else {
      refused.push(i);
      failures.push({
        code: 'NO_SUCH_COLUMN',
        message: `no such column: ${further.slice(0, 100)}`,
        transform: stage,
      });
    }
  }
  return { records, ...(refused.length > 0 && { failed: selectElements(batch, refused, failures) }) };
}
