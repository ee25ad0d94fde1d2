/** ParseJson: text to rows. */
import { isUtf8 } from 'node:buffer';
import { type Batch, batchOf, columnsAt, type Failure, payloadOf, selectElements } from '../engine/batch.ts';
import { defineTransform, type Outcome } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { isJsonObject } from '../formats/json-object.ts';
import { type Row, rowTexts, unparsed, withRows } from '../formats/rows.ts';

const MAX_REASON = 200;

export const parseJson = defineTransform({
  name: 'ParseJson',
  summary: 'Takes text for JSON objects.',
  description:
    'The text becomes the row as it is, numbers keep all their digits. What is no JSON object fails with ' +
    'NOT_JSON_OBJECT: add `error_handling` to keep the job running.',
  config: { type: 'object', properties: {} },
  examples: [
    {
      title: 'Lines of JSON, and a warning for what is none',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config: {path: gs://bucket/in/events.ndjson}
    - type: ParseJson
      config: {error_handling: {output: errors}}
    - type: WriteToJson
      config: {path: gs://bucket/out/events}
  extra_transforms:
    - type: LogForTesting
      input: ParseJson.errors
      config: {level: WARNING}
`,
    },
  ],
  output: input => {
    if (input.form === 'text') return { form: 'row' };
    const what =
      input.form === 'row' ? 'rows already' : 'failed elements: EncodeDeadLetters makes rows of them';
    throw new SluiceError('PIPELINE_INVALID', `ParseJson takes text, but its input gives ${what}`);
  },
  async open(_, { stage }) {
    let areAsked = false;
    const ask = () => {
      areAsked = true;
    };
    return {
      // To see that a text is a JSON object takes half of the time, or less, where only the bytes go on.
      process: batch =>
        !areAsked && areObjects(batch) ? { good: [unparsed(batch, ask)] } : parseAll(batch, stage),
    };
  },
});

/** False where one is none, or where that is not seen at once. */
function areObjects(batch: Batch): boolean {
  const { bytes, starts, ends, count } = batch;
  // Elements may lie among bytes that are no text.
  const isText = isUtf8(bytes);
  for (let i = 0; i < count; i++) {
    if (!isJsonObject(bytes, starts[i] ?? 0, ends[i] ?? 0)) return false;
    if (!isText && !isUtf8(payloadOf(batch, i))) return false;
  }
  return count > 0;
}

function parseAll(batch: Batch, transform: string): Outcome {
  const good: number[] = [];
  const rows: Row[] = [];
  const bad: number[] = [];
  const failures: Failure[] = [];
  const isText = isUtf8(batch.bytes);
  const { textOf, parse } = rowTexts(batch);
  let hasBreaks = false;
  for (let i = 0; i < batch.count; i++) {
    const payload = payloadOf(batch, i);
    const row = isText || isUtf8(payload) ? rowOf(textOf(i), parse) : 'it is not valid UTF-8';
    if (typeof row !== 'string') {
      good.push(i);
      rows.push(row);
      hasBreaks ||= payload.includes(LF) || payload.includes(CR);
    } else {
      bad.push(i);
      failures.push({ code: 'NOT_JSON_OBJECT', message: `not a JSON object: ${row}`, transform });
    }
  }
  const parsed = bad.length === 0 ? batch : selectElements(batch, good);
  return {
    good: good.length === 0 ? [] : [withRows(hasBreaks ? onOneLine(parsed) : parsed, rows)],
    ...(bad.length > 0 && { failed: selectElements(batch, bad, failures) }),
  };
}

const LF = 10;
const CR = 13;

/** Or why it is none. */
function rowOf(text: string, parse: (text: string) => unknown): Row | string {
  try {
    const value = parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
    return `it is ${Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`}`;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
  }
}

/** A row stands on one line where it is written: in JSON a line break is never more than white space. */
function onOneLine(batch: Batch): Batch {
  const rows = Array.from({ length: batch.count }, (_, i) => {
    const row = Buffer.from(payloadOf(batch, i));
    for (let at = 0; at < row.length; at++) if (row[at] === LF || row[at] === CR) row[at] = SPACE;
    return row;
  });
  const all = rows.map((_, i) => i);
  return batchOf(rows, columnsAt(all, batch));
}

const SPACE = 32;
