/**
 * The child's end of the pipe: blocking reads and blocking writes, so that the child needs no event loop.
 */
import { readSync, writeSync } from 'node:fs';
import { HEADER_BYTES, headerOf, wordAt } from '../frames.ts';

/** The descriptor that the worker gave us. */
const PIPE = 3;
const READ_BYTES = 1024 * 1024;

let buffer = Buffer.allocUnsafeSlow(READ_BYTES);
let start = 0;
let end = 0;

/** The next frame, valid until the next call; undefined when the worker has closed the pipe. */
export function readFrame(): Buffer | undefined {
  if (!fill(HEADER_BYTES)) return undefined;
  const frameBytes = wordAt(headerOf(buffer.subarray(start)), 0);
  if (!fill(frameBytes)) return undefined;
  const frame = buffer.subarray(start, start + frameBytes);
  start += frameBytes;
  return frame;
}

/** Reads until `bytes` are there, and whatever else has come. */
function fill(bytes: number): boolean {
  if (start === end) {
    start = 0;
    end = 0;
  }
  if (start + bytes > buffer.length) makeRoom(bytes);
  while (end - start < bytes) {
    const got = readSync(PIPE, buffer, end, buffer.length - end, null);
    if (got === 0) return false;
    end += got;
  }
  return true;
}

/** Moves what is not yet taken to the front, of a larger buffer where a frame needs one. */
function makeRoom(bytes: number): void {
  const target = bytes > buffer.length || buffer.length > READ_BYTES ? sized(bytes) : buffer;
  buffer.copy(target, 0, start, end);
  buffer = target;
  end -= start;
  start = 0;
}

const sized = (bytes: number) => Buffer.allocUnsafeSlow(Math.max(bytes, READ_BYTES));

export function writeFrame(frame: Buffer): void {
  let at = 0;
  while (at < frame.length) at += writeSync(PIPE, frame, at, frame.length - at);
}
