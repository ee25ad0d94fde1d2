/** Writes the results of a batch: the outputs of one call into the realm become the bytes of one frame. */
import {
  FAILED,
  type FailureEntry,
  FRAME,
  HEADER_BYTES,
  headerOf,
  padded,
  tableIn,
  wordAt,
} from '../frames.ts';

/** What one call into the realm gave. */
export interface Outputs {
  /** Index in the batch of the first element, and whether the last one ends the batch. */
  from: number;
  final: boolean;
  /** Length in characters, `FILTERED` or `FAILED`, per element. */
  statuses: Int32Array;
  /** The outputs, each followed by `\n`. */
  text: string;
  /** `FailureEntry` after `FailureEntry`, with commas between. */
  failures: string;
}

export type ResultWriter = (outputs: Outputs) => void;

const INITIAL_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;
/** Of UTF-8, for a unit of a string. */
const MAX_BYTES_PER_UNIT = 3;

export function createResultWriter(maxOutputBytes: number, write: (frame: Buffer) => void): ResultWriter {
  let buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);

  return outputs => {
    const { statuses, text } = outputs;
    const payloadAt = HEADER_BYTES + padded(statuses.length * 4);
    reserve(payloadAt + text.length * MAX_BYTES_PER_UNIT);
    // As many bytes as characters: all is ASCII, and a length in characters is one in bytes.
    if (buffer.write(text, payloadAt, 'utf8') === text.length) {
      tableIn(buffer, HEADER_BYTES, statuses.length).set(statuses);
      finish(outputs, payloadAt, text.length, outputs.failures);
    } else encode(outputs, payloadAt);
  };

  /** Outputs beyond ASCII: each is encoded by itself, for its length in bytes. */
  function encode(outputs: Outputs, payloadAt: number): void {
    const { statuses, text } = outputs;
    const lengths = tableIn(buffer, HEADER_BYTES, statuses.length);
    const tooLarge: FailureEntry[] = [];
    let at = 0;
    let end = payloadAt;
    for (let i = 0; i < statuses.length; i++) {
      const length = wordAt(statuses, i);
      lengths[i] = length;
      if (length < 0) continue;
      const bytes = buffer.write(text.substring(at, at + length), end, 'utf8');
      at += length + 1;
      if (bytes > maxOutputBytes) {
        lengths[i] = FAILED;
        tooLarge.push([i, 'UDF_OUTPUT_TOO_LARGE', '', '']);
        continue;
      }
      lengths[i] = bytes;
      end += bytes;
      buffer[end++] = NEWLINE;
    }
    const more = tooLarge.map(entry => JSON.stringify(entry)).join(',');
    const failures = [outputs.failures, more].filter(Boolean).join(',');
    finish(outputs, payloadAt, end - payloadAt, failures);
  }

  function finish(outputs: Outputs, payloadAt: number, payloadBytes: number, failures: string): void {
    const failuresAt = payloadAt + padded(payloadBytes);
    const json = failures === '' ? '' : `[${failures}]`;
    let failureBytes = 0;
    if (json !== '') {
      reserve(failuresAt + json.length * MAX_BYTES_PER_UNIT);
      failureBytes = buffer.write(json, failuresAt, 'utf8');
    }
    const { from, final, statuses } = outputs;
    const frameBytes = failuresAt + padded(failureBytes);
    reserve(frameBytes);
    headerOf(buffer).set([
      frameBytes,
      FRAME.result,
      from,
      statuses.length,
      payloadBytes,
      failureBytes,
      final ? 1 : 0,
    ]);
    write(buffer.subarray(0, frameBytes));
  }

  function reserve(bytes: number): void {
    if (bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(bytes + (bytes >> 1) + 8);
    buffer.copy(larger);
    buffer = larger;
  }
}
