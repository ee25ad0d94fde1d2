/**
 * The frames that the worker and a UDF's child process exchange. A frame is a header of eight 32-bit words and
 * the sections that its type names; its length is a multiple of eight, so that tables in it are aligned.
 *
 * | type | words | sections |
 * |---|---|---|
 * | load | jsonBytes | a `LoadRequest` |
 * | loaded | jsonBytes | a `LoadReply` |
 * | batch | count, payloadBytes, contextBytes, flags | starts, ends, payload, contexts |
 * | result | from, count, payloadBytes, failureBytes, final | lengths, payload, failures |
 * | tray | place, bytes | none: the frame lies in the tray (see `tray.ts`) |
 *
 * A batch is answered by one or more results; the last one says so. A length in a result is that of an output,
 * each of which is followed by one `\n`, or one of `FILTERED` and `FAILED`. Contexts and failures are JSON:
 * an array of one object per element, and an array of `FailureEntry`.
 */
export const HEADER_WORDS = 8;
export const HEADER_BYTES = HEADER_WORDS * 4;

export const FRAME = { load: 1, loaded: 2, batch: 3, result: 4, tray: 5 } as const;

/** Set on a batch whose payload is ASCII throughout. */
export const FLAG_ASCII = 1;
/** Set on a batch that is replayed after its child died: one call and one result per element. */
export const FLAG_CAREFUL = 2;
/** Set on a batch whose first result may be put into the tray. */
export const FLAG_TRAY = 4;

export const FILTERED = -1;
export const FAILED = -2;

/** One file of a UDF. */
export interface UdfScript {
  /** What stack traces call it. */
  name: string;
  source: string;
  /** An ES module (`.mjs`) rather than a script. */
  module: boolean;
}

/** What one element may use. */
export interface UdfLimits {
  timeoutMs: number;
  memoryMb: number;
  maxOutputBytes: number;
}

export interface LoadRequest extends UdfLimits {
  scripts: UdfScript[];
  /** Absent: `process`, or else `transform`. */
  function?: string;
  /** Every output must be a JSON object. */
  rows: boolean;
  /** The child ends when this is no longer its parent. */
  parentPid: number;
}

export type LoadReply =
  | { function: string; wantsContext: boolean }
  | { code: 'UDF_SYNTAX' | 'UDF_LOAD_FAILED' | 'UDF_FUNCTION_MISSING'; message: string };

/** Why an element failed: its index in the batch, a code, a message and a stack; the last two may be empty. */
export type FailureEntry = [index: number, code: string, message: string, stack: string];

/** The next multiple of eight. */
export const padded = (bytes: number): number => (bytes + 7) & ~7;

/** A frame that holds one JSON document. */
export function jsonFrame(type: number, value: LoadRequest | LoadReply): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const frame = Buffer.alloc(HEADER_BYTES + padded(json.length));
  headerOf(frame).set([frame.length, type, json.length]);
  json.copy(frame, HEADER_BYTES);
  return frame;
}

/** The text of a JSON section. */
export const jsonText = (frame: Buffer, at: number, bytes: number): string =>
  frame.toString('utf8', at, at + bytes);

export function jsonIn(frame: Buffer): unknown {
  return JSON.parse(frame.toString('utf8', HEADER_BYTES, HEADER_BYTES + wordAt(headerOf(frame), 2)));
}

/** The header's words: frame length, type, and those of the type. */
export function headerOf(frame: Buffer): Int32Array {
  return new Int32Array(frame.buffer, frame.byteOffset, HEADER_WORDS);
}

/** `count` 32-bit numbers of the frame; `at` is a multiple of four. */
export function tableIn(frame: Buffer, at: number, count: number): Int32Array {
  return new Int32Array(frame.buffer, frame.byteOffset + at, count);
}

export const wordAt = (words: Int32Array, index: number): number => words[index] ?? 0;
