/** ParseCsv: lines of CSV to rows, each by itself, so that a broken one is a dead letter and not the end of the job. */
import { isUtf8 } from 'node:buffer';
import { readTextFile } from '../cloud/storage.ts';
import { type Batch, columnsAt, type Failure, payloadOf, selectElements } from '../engine/batch.ts';
import { defineTransform, type Outcome, type StageContext } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { type CsvColumn, cellOf, readTypedColumns } from '../formats/csv-columns.ts';
import { splitCsvLine } from '../formats/csv-line.ts';
import { type Row, type RowValue, rowBatch } from '../formats/rows.ts';
import { parseTableSchema } from '../formats/table-schema.ts';

export const parseCsv = defineTransform({
  name: 'ParseCsv',
  summary: 'Takes lines of CSV for rows.',
  description:
    'Values stay text as they are, leading zeros and all; an empty field without quotes is null where the schema says ' +
    'that its column is no text. A record is one line: quotes may hold delimiters and doubled quotes, but no line ' +
    'breaks. A line that is no record of these columns fails with CSV_MALFORMED.',
  config: {
    type: 'object',
    oneOf: [
      { required: ['columns'] },
      { required: ['schema'] },
      { required: ['typed_schema'] },
      { required: ['columns_of_header'] },
    ],
    properties: {
      columns: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        minItems: 1,
        uniqueItems: true,
        description: 'The names of the columns, in their order.',
      },
      schema: {
        type: 'string',
        minLength: 1,
        description: "The path of a file with BigQuery's JSON schema, whose fields are the columns.",
      },
      typed_schema: {
        type: 'string',
        minLength: 1,
        description:
          'The path of a file with a list of `{name, type}`, the columns and what their values become: numbers for LONG, ' +
          'INTEGER, SHORT, BYTE, DOUBLE, FLOAT, booleans for BOOLEAN, text for TEXT, KEYWORD, STRING, DATE, TIMESTAMP. A ' +
          'value that is none of its type fails the line.',
      },
      columns_of_header: {
        const: true,
        description: 'The header of each file names its columns: ReadFromText with `header`.',
      },
      delimiter: {
        type: 'string',
        minLength: 1,
        maxLength: 10,
        default: ',',
        description: 'What stands between fields.',
      },
      header: {
        type: 'boolean',
        default: false,
        description:
          'The first line of each file is a header, and filtered out. Needs lines as ReadFromText gives them.',
      },
      encoding: {
        enum: ['UTF-8', 'US-ASCII', 'ISO-8859-1'],
        default: 'UTF-8',
        description: 'What the bytes mean.',
      },
    },
  } as const,
  examples: [
    {
      title: 'Records with names for their columns',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config: {path: gs://bucket/in/agents.csv}
    - type: ParseCsv
      config: {columns: [number, name], header: true}
    - type: WriteToJson
      config: {path: gs://bucket/out/agents}
`,
    },
  ],
  output: input => {
    if (input.form === 'text') return { form: 'row' };
    throw new SluiceError(
      'PIPELINE_INVALID',
      'ParseCsv takes text, one line an element, as ReadFromText gives it',
    );
  },
  reach: ({ schema, typed_schema: typed }) => ({ reads: [schema, typed] }),
  async open(config, context) {
    const { columns, schema, typed_schema: typed, delimiter = ',', encoding = 'UTF-8' } = config;
    let known: readonly CsvColumn[] | undefined;
    if (columns) known = columns.map(name => ({ name, type: 'text' }));
    else if (schema !== undefined) known = await columnsOf(schema, context);
    else if (typed !== undefined)
      known = readTypedColumns(
        await readTextFile(typed, 'the schema', context.config),
        `the schema ${typed}`,
      );
    const header = known === undefined || (config.header ?? false);
    let named: { header: Buffer; columns: readonly CsvColumn[] } | undefined;
    const columnsIn = ({ origin }: Batch): readonly CsvColumn[] => {
      if (known) return known;
      const line = origin?.header;
      if (!line)
        throw new SluiceError(
          'PIPELINE_INVALID',
          `${context.stage}: columns_of_header asks for lines of files with their header, as ReadFromText gives them with header: true`,
        );
      // Files follow one another: what was made of the last header is mostly what is asked for.
      if (named?.header !== line)
        named = { header: line, columns: namedBy(line, delimiter, encoding, origin.path) };
      return named.columns;
    };
    return {
      process: batch =>
        parse(batch, { columns: columnsIn(batch), delimiter, header, encoding }, context.stage),
    };
  },
});

type Encoding = 'UTF-8' | 'US-ASCII' | 'ISO-8859-1';

interface Format {
  columns: readonly CsvColumn[];
  delimiter: string;
  header: boolean;
  encoding: Encoding;
}

async function columnsOf(schema: string, { config }: StageContext): Promise<CsvColumn[]> {
  const fields = parseTableSchema(await readTextFile(schema, 'the schema', config), `the schema ${schema}`);
  const nested = fields.find(({ type, mode }) => type === 'RECORD' || mode === 'REPEATED');
  if (nested)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `the schema ${schema}: ${nested.name} is a ${nested.mode === 'REPEATED' ? 'list' : 'RECORD'}, and CSV has none`,
    );
  return fields.map(({ name, type }) => ({ name, type: type === 'STRING' ? 'text' : 'other' }));
}

function namedBy(header: Buffer, delimiter: string, encoding: Encoding, path: string): CsvColumn[] {
  const fields = splitCsvLine(textOf(header, encoding).replace(/^\uFEFF/, ''), delimiter);
  const names = typeof fields === 'string' ? [] : fields.values.map(name => name.trim());
  if (names.length === 0 || names.includes('') || new Set(names).size < names.length)
    throw new SluiceError(
      'INPUT_UNREADABLE',
      `${path}: its first line is no header: it must name each column, by a name of its own`,
    );
  return names.map(name => ({ name, type: 'text' }));
}

const textOf = (line: Buffer, encoding: Encoding): string =>
  line.toString(encoding === 'ISO-8859-1' ? 'latin1' : 'utf8');

function parse(batch: Batch, format: Format, transform: string): Outcome {
  const rows: Row[] = [];
  const good: number[] = [];
  const bad: number[] = [];
  const failures: Failure[] = [];
  let filtered = 0;
  for (let i = 0; i < batch.count; i++) {
    if (format.header && batch.origin && batch.origin.offset + (batch.starts[i] ?? 0) === 0) {
      filtered++;
      continue;
    }
    const row = rowOf(payloadOf(batch, i), format);
    if (typeof row !== 'string') {
      rows.push(row);
      good.push(i);
    } else {
      bad.push(i);
      failures.push({ code: 'CSV_MALFORMED', message: row, transform });
    }
  }
  return {
    good: rows.length > 0 ? [rowBatch(rows, columnsAt(good, batch))] : [],
    filtered,
    ...(bad.length > 0 && { failed: selectElements(batch, bad, failures) }),
  };
}

/** The row of a line, or what is wrong with it. */
function rowOf(line: Buffer, { columns, delimiter, encoding }: Format): Row | string {
  if (encoding !== 'ISO-8859-1' && !isUtf8(line)) return `it is not valid ${encoding}`;
  const fields = splitCsvLine(textOf(line, encoding), delimiter);
  if (typeof fields === 'string') return fields;
  const { values, quoted } = fields;
  if (values.length !== columns.length)
    return `it has ${values.length} ${values.length === 1 ? 'field' : 'fields'}, and there are ${columns.length} columns`;
  const cells: [string, RowValue][] = [];
  for (const [i, column] of columns.entries()) {
    const value = cellOf(column, values[i] ?? '', quoted[i] ?? false);
    if (value === undefined)
      return `${column.name} takes ${column.word}, not the text ${JSON.stringify(values[i]?.slice(0, 100))}`;
    cells.push([column.name, value]);
  }
  return Object.fromEntries(cells);
}
