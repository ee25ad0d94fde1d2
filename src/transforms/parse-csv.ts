/** ParseCsv: lines of CSV to rows, each by itself, so that a broken one is a dead letter and not the end of the job. */
import { isUtf8 } from 'node:buffer';
import { readTextFile } from '../cloud/storage.ts';
import { type Batch, columnsAt, type Failure, payloadOf, selectElements } from '../engine/batch.ts';
import { defineTransform, type Outcome, type StageContext } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { splitCsvLine } from '../formats/csv-line.ts';
import { type Row, rowBatch } from '../formats/rows.ts';
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
    oneOf: [{ required: ['columns'] }, { required: ['schema'] }],
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
  async open({ columns, schema, delimiter = ',', header = false, encoding = 'UTF-8' }, context) {
    const known =
      schema === undefined
        ? (columns ?? []).map(name => ({ name, isText: true }))
        : await columnsOf(schema, context);
    return { process: batch => parse(batch, { columns: known, delimiter, header, encoding }, context.stage) };
  },
});

interface Format {
  columns: { name: string; isText: boolean }[];
  delimiter: string;
  header: boolean;
  encoding: 'UTF-8' | 'US-ASCII' | 'ISO-8859-1';
}

async function columnsOf(schema: string, { config }: StageContext): Promise<Format['columns']> {
  const fields = parseTableSchema(await readTextFile(schema, 'the schema', config), `the schema ${schema}`);
  const nested = fields.find(({ type, mode }) => type === 'RECORD' || mode === 'REPEATED');
  if (nested)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `the schema ${schema}: ${nested.name} is a ${nested.mode === 'REPEATED' ? 'list' : 'RECORD'}, and CSV has none`,
    );
  return fields.map(({ name, type }) => ({ name, isText: type === 'STRING' }));
}

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
  const fields = splitCsvLine(line.toString(encoding === 'ISO-8859-1' ? 'latin1' : 'utf8'), delimiter);
  if (typeof fields === 'string') return fields;
  const { values, quoted } = fields;
  if (values.length !== columns.length)
    return `it has ${values.length} ${values.length === 1 ? 'field' : 'fields'}, and there are ${columns.length} columns`;
  return Object.fromEntries(
    columns.map(({ name, isText }, i) => {
      const value = values[i] ?? '';
      return [name, value === '' && !isText && !quoted[i] ? null : value];
    }),
  );
}
