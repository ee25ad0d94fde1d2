/** MakeDocuments: messages to JSON documents, with their attributes and, for logs, the fields of Elastic's schema. */
import { isUtf8 } from 'node:buffer';
import { type Batch, columnsAt, type Failure, payloadOf, selectElements } from '../engine/batch.ts';
import { defineTransform, type Outcome } from '../engine/component.ts';
import { SluiceError } from '../errors.ts';
import { parseRow, type Row, type RowValue, rowBatch, stringifyRow } from '../formats/rows.ts';

const MAX_REASON = 200;

export const makeDocuments = defineTransform({
  name: 'MakeDocuments',
  summary:
    'Makes documents of messages: their payload and their attributes, and what a data stream of logs asks for.',
  description:
    'The payload is a JSON object, or empty. Each attribute becomes a field, in the place of one of the same name. With ' +
    "`dataset` the fields follow that Elastic's own integration of Google Cloud expects: `@timestamp` (the document's " +
    '`@timestamp` or `timestamp`, or that of its `protoPayload`, or else the time the message was published), `agent`, ' +
    '`data_stream`, `ecs`, `event`, `service` and `message`, the document as text. What is no JSON object fails with ' +
    'NOT_JSON_OBJECT.',
  config: {
    type: 'object',
    properties: {
      attributes: { type: 'boolean', default: true, description: 'Attributes become fields.' },
      dataset: {
        type: 'string',
        pattern: '^[A-Za-z0-9_]+$',
        description:
          'What kind of logs they are: audit, vpcflow, firewall, pubsub …; absent: nothing is added.',
      },
      namespace: {
        type: 'string',
        default: 'default',
        description: "The namespace of the logs' data stream.",
      },
      agent_version: { type: 'string', default: '1.0.0', description: 'What `agent.version` says.' },
      message: { type: 'boolean', default: true, description: 'With `dataset`: `message` is added.' },
    },
  } as const,
  examples: [
    {
      title: 'Log entries of a topic into a data stream',
      yaml: `
pipeline:
  type: chain
  transforms:
    - type: ReadFromPubSub
      config: {subscription: projects/local/subscriptions/logs}
    - type: MakeDocuments
      config: {dataset: audit, error_handling: {output: errors}}
    - type: WriteToElasticsearch
      config: {url: http://localhost:9200, index: logs-gcp.audit-default, action: CREATE}
  extra_transforms:
    - type: LogForTesting
      input: MakeDocuments.errors
      config: {level: WARNING}
`,
    },
  ],
  output: ({ form }) => {
    if (form === 'text') return { form: 'row' };
    throw new SluiceError(
      'PIPELINE_INVALID',
      'MakeDocuments takes text, such as the payloads of ReadFromPubSub or what JavaScriptUdf makes of them',
    );
  },
  open: async (config, { stage }) => {
    const { attributes = true, dataset, namespace = 'default', agent_version: version = '1.0.0' } = config;
    const { message = true } = config;
    const logs = dataset === undefined ? undefined : logFields(dataset.toLowerCase(), namespace, version);
    return { process: batch => make(batch, stage, { attributes, message, ...(logs && { logs }) }) };
  },
});

interface Wanted {
  attributes: boolean;
  message: boolean;
  /** What every document of logs has. */
  logs?: Row;
}

function logFields(dataset: string, namespace: string, version: string): Row {
  const name = `gcp.${dataset}`;
  return {
    agent: { type: 'dataflow', name: '', version, id: '' },
    data_stream: { type: 'logs', dataset: name, namespace },
    ecs: { version: '1.10.0' },
    event: { module: 'gcp', dataset: name },
    service: { type: name },
  };
}

function make(batch: Batch, transform: string, wanted: Wanted): Outcome {
  const rows: Row[] = [];
  const good: number[] = [];
  const bad: number[] = [];
  const failures: Failure[] = [];
  for (let i = 0; i < batch.count; i++) {
    const row = documentOf(batch, i, wanted);
    if (typeof row === 'string') {
      bad.push(i);
      failures.push({ code: 'NOT_JSON_OBJECT', message: `not a JSON object: ${row}`, transform });
    } else {
      good.push(i);
      rows.push(row);
    }
  }
  return {
    good: rows.length > 0 ? [rowBatch(rows, columnsAt(good, batch))] : [],
    ...(bad.length > 0 && { failed: selectElements(batch, bad, failures) }),
  };
}

/** The document of an element, or why there is none. */
function documentOf(batch: Batch, index: number, { attributes, message, logs }: Wanted): Row | string {
  const payload = payloadOf(batch, index);
  const read = readObject(payload);
  if (typeof read === 'string') return read;
  const metadata = batch.metadata?.[index];
  // Entries and not fields set one by one: none of them is a prototype.
  const row: Row = attributes ? merged(read, metadata?.attributes ?? {}) : read;
  if (!logs) return row;
  const { timestamp, '@timestamp': own, ...rest } = row;
  const published = metadata?.publishTime ?? timeOf(batch, index);
  return {
    '@timestamp': own ?? timestamp ?? nestedTime(row) ?? published,
    ...merged(rest, logs),
    ...(message && { message: stringifyRow(row) }),
  };
}

const merged = (row: Row, more: Readonly<Record<string, RowValue>>): Row =>
  Object.fromEntries([...Object.entries(row), ...Object.entries(more)]);

function readObject(payload: Buffer): Row | string {
  if (payload.length === 0) return {};
  if (!isUtf8(payload)) return 'it is not valid UTF-8';
  try {
    const value: unknown = parseRow(payload.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
    return `it is ${Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`}`;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
  }
}

function nestedTime({ protoPayload }: Row): RowValue | undefined {
  const isRow = typeof protoPayload === 'object' && protoPayload !== null && !Array.isArray(protoPayload);
  return isRow ? protoPayload.timestamp : undefined;
}

function timeOf(batch: Batch, index: number): string {
  const time = batch.times?.[index] ?? Number.NaN;
  return new Date(Math.abs(time) <= 8.64e15 ? time : Date.now()).toISOString();
}
