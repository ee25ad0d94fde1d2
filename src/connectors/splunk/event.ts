/** The event that is sent of an element: what it says of itself, and what `_metadata` says of it. */
import { type Batch, payloadOf } from '../../engine/batch.ts';
import { parseRow, type Row, type RowValue, stringifyRow } from '../../formats/rows.ts';

/** What every event has that does not say otherwise. */
export type EventDefaults = Readonly<Partial<Record<'host' | 'source' | 'sourcetype' | 'index', string>>>;

const OVERRIDES = ['time', 'host', 'source', 'sourcetype', 'index', 'fields'] as const;

/** The JSON of the event of element `index`; undefined when there is nothing to send. */
export function eventOf(batch: Batch, index: number, defaults: EventDefaults): Buffer | undefined {
  const payload = payloadOf(batch, index);
  const text = payload.toString();
  if (text.trim() === '') return undefined;
  const row = objectIn(text);
  const metadata = row && objectOf(row._metadata);
  const envelope: Row = { ...defaults };
  const time = (row && timeIn(row)) ?? secondsOf(batch.times?.[index]);
  if (time !== undefined) envelope.time = time;
  if (!row) return Buffer.from(stringifyRow({ ...envelope, event: text }));
  // Mostly nothing is to be changed: the payload goes as it came.
  if (row._metadata === undefined) return withEvent(stringifyRow(envelope), payload);
  for (const name of OVERRIDES) if (metadata?.[name] !== undefined) envelope[name] = metadata[name];
  const { _metadata, ...rest } = row;
  return Buffer.from(stringifyRow({ ...envelope, event: metadata?.event ?? rest }));
}

function withEvent(envelope: string, event: Buffer): Buffer {
  const head = envelope === '{}' ? '{' : `${envelope.slice(0, -1)},`;
  return Buffer.concat([Buffer.from(`${head}"event":`), event, END]);
}

const END = Buffer.from('}');

function objectIn(text: string): Row | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return objectOf(parseRow(text));
  } catch {
    return undefined;
  }
}

const objectOf = (value: RowValue | undefined): Row | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

/** Its own `timestamp`, or that of the `data` of a message. */
function timeIn({ data, timestamp }: Row): number | undefined {
  const text = objectOf(data)?.timestamp ?? timestamp;
  if (typeof text !== 'string' || !RFC_3339.test(text)) return undefined;
  return secondsOf(Date.parse(text));
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Splunk counts seconds. */
const secondsOf = (ms: number | undefined): number | undefined =>
  ms !== undefined && Number.isFinite(ms) ? ms / 1000 : undefined;
