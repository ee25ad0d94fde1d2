/** Makes batches of records. What a record carries beside its value is read when somebody asks for it. */
import type { Batch, Metadata, RawMessage } from '../../engine/batch.ts';
import { headersAt, type Records } from './records.ts';

/** The records `from` to `to` of what was received, as a batch over the same bytes. */
export function toBatch(records: Records, from: number, to: number, name: string): Batch {
  const metadata: Metadata[] = new Array(to - from);
  for (let i = from; i < to; i++) metadata[i - from] = new RecordMetadata(records, i, name);
  return {
    count: to - from,
    bytes: records.bytes,
    starts: records.starts.subarray(from, to),
    ends: records.ends.subarray(from, to),
    times: records.times.subarray(from, to),
    metadata,
  };
}

/** Most jobs look at none of it: so much text for each record would cost more than the rest. */
class RecordMetadata implements Metadata {
  readonly #records: Records;
  readonly #index: number;
  readonly #name: string;

  constructor(records: Records, index: number, name: string) {
    this.#records = records;
    this.#index = index;
    this.#name = name;
  }

  get messageId(): string {
    return `${this.#name}@${this.#records.offsets[this.#index]}`;
  }

  get publishTime(): string | undefined {
    const time = this.#records.times[this.#index] ?? -1;
    // -1: whoever wrote it gave none.
    return time >= 0 && time <= 8.64e15 ? new Date(time).toISOString() : undefined;
  }

  get attributes(): Record<string, string> | undefined {
    const { headers } = this.raw;
    if (headers.length === 0) return undefined;
    const attributes: Record<string, string> = Object.create(null);
    for (const [name, value] of headers) attributes[name] = value?.toString() ?? '';
    return attributes;
  }

  get key(): string | undefined {
    return this.raw.key?.toString();
  }

  get raw(): RawMessage {
    const { bytes, keyStarts, keyEnds, headers, nulls } = this.#records;
    const keyStart = keyStarts[this.#index] ?? -1;
    const place = headers[this.#index] ?? -1;
    return {
      key: keyStart < 0 ? null : bytes.subarray(keyStart, keyEnds[this.#index]),
      headers: place < 0 ? [] : headersAt(bytes, place),
      isNull: nulls[this.#index] === 1,
    };
  }
}
