/** What became of a batch: the child's results, checked, and put together in the order of the input. */
import { type Batch, columnsAt, type Failure, selectElements } from '../engine/batch.ts';
import type { Outcome } from '../engine/component.ts';
import { explainFailure, type FailureTerms } from './failures.ts';
import {
  FAILED,
  type FailureEntry,
  FILTERED,
  HEADER_BYTES,
  headerOf,
  jsonText,
  padded,
  tableIn,
  wordAt,
} from './frames.ts';
import type { Prepared } from './prepared.ts';

/** The result of some elements of a batch, one after the other. */
export interface Part {
  from: number;
  /** Length of the output, `FILTERED` or `FAILED`, per element. */
  lengths: Int32Array;
  /** The outputs, each followed by `\n`. */
  payload: Buffer;
  /** By index in the part. */
  failures: Map<number, FailureEntry>;
  final: boolean;
}

/** Outputs of one batch that came in pieces are put together again up to this size. */
const MERGED_BYTES = 256 * 1024;

/** The part in a result frame, or undefined when the frame does not add up: the child is not what it was. */
export function partIn(frame: Buffer): Part | undefined {
  const header = headerOf(frame);
  const [from, count, payloadBytes, failureBytes] = [2, 3, 4, 5].map(word => wordAt(header, word)) as Numbers;
  const payloadAt = HEADER_BYTES + padded(count * 4);
  const failuresAt = payloadAt + padded(payloadBytes);
  const sizes = [from, count, payloadBytes, failureBytes];
  if (sizes.some(size => size < 0) || failuresAt + padded(failureBytes) !== frame.length) return undefined;
  const lengths = tableIn(frame, HEADER_BYTES, count);
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const length = wordAt(lengths, i);
    if (length > 0) bytes += length + 1;
    else if (length !== FILTERED && length !== FAILED) return undefined;
  }
  const failures = failuresIn(jsonText(frame, failuresAt, failureBytes));
  if (bytes !== payloadBytes || failures === undefined) return undefined;
  const payload = frame.subarray(payloadAt, payloadAt + payloadBytes);
  return { from, lengths, payload, failures, final: wordAt(header, 6) === 1 };
}

type Numbers = [number, number, number, number];

function failuresIn(text: string): Part['failures'] | undefined {
  if (text === '') return new Map();
  try {
    const entries = JSON.parse(text) as FailureEntry[];
    const plain = entries.every(
      ([index, ...words]) => Number.isInteger(index) && words.every(word => typeof word === 'string'),
    );
    return plain ? new Map(entries.map(entry => [entry[0], entry])) : undefined;
  } catch {
    return undefined;
  }
}

/** One part for an element that its child did not survive. */
export function failedPart(from: number, code: string, final: boolean): Part {
  const failures = new Map<number, FailureEntry>([[0, [0, code, '', '']]]);
  return { from, lengths: Int32Array.of(FAILED), payload: Buffer.alloc(0), failures, final };
}

/** The outcome of a batch whose parts are all there. */
export function outcomeOf(batch: Batch, prepared: Prepared, parts: Part[], terms: FailureTerms): Outcome {
  const good: Batch[] = [];
  const failed: { index: number; failure: Failure }[] = [];
  let filtered = 0;
  for (const index of prepared.unreadable) {
    failed.push({ index, failure: explainFailure([0, 'UDF_INPUT_NOT_UTF8', '', ''], terms) });
  }
  for (const group of grouped(parts)) {
    const starts = new Int32Array(group.count);
    const ends = new Int32Array(group.count);
    const indices: number[] = [];
    let count = 0;
    let at = 0;
    for (const { from, lengths, failures } of group.parts) {
      for (let i = 0; i < lengths.length; i++) {
        const length = wordAt(lengths, i);
        const index = prepared.kept?.[from + i] ?? from + i;
        if (length > 0) {
          starts[count] = at;
          at += length;
          ends[count] = at++;
          indices[count++] = index;
        } else if (length === FILTERED) filtered++;
        else failed.push({ index, failure: explainFailure(failures.get(i), terms) });
      }
    }
    if (count === 0) continue;
    const columns = columnsAt(indices, batch);
    good.push({ count, bytes: group.bytes(), starts, ends, lines: true, ...columns });
  }
  failed.sort((a, b) => a.index - b.index);
  const failures = failed.map(({ failure }) => failure);
  return {
    good,
    ...(failed.length > 0 && {
      failed: selectElements(
        batch,
        failed.map(({ index }) => index),
        failures,
      ),
    }),
    filtered,
  };
}

interface Group {
  parts: Part[];
  count: number;
  bytes(): Buffer;
}

function grouped(parts: Part[]): Group[] {
  const groups: Part[][] = [];
  let bytes = 0;
  for (const part of parts) {
    bytes += part.payload.length;
    const group = groups.at(-1);
    if (group && bytes <= MERGED_BYTES) group.push(part);
    else {
      groups.push([part]);
      bytes = part.payload.length;
    }
  }
  return groups.map(group => ({
    parts: group,
    count: group.reduce((total, { lengths }) => total + lengths.length, 0),
    bytes: () =>
      group.length === 1 && group[0] ? group[0].payload : Buffer.concat(group.map(({ payload }) => payload)),
  }));
}
