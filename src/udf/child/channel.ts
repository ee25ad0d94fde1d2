/**
 * The child's end of the pipe: blocking reads and blocking writes, so that the child needs no event loop.
 */
import { readSync, writeSync } from 'node:fs';
import { FLAG_TRAY, FRAME, HEADER_BYTES, headerOf, wordAt } from '../frames.ts';
import { putDown, TRAY_PLACES, takeUp } from '../tray.ts';

/** The descriptors that the worker gave us. */
const PIPE = 3;
const TRAY = 4;
const READ_BYTES = 1024 * 1024;

let buffer = Buffer.allocUnsafeSlow(READ_BYTES);
let start = 0;
let end = 0;

let batches = 0;
/** Where in the tray the next result may be put. */
let place: number | undefined;
let taken = Buffer.alloc(0);

/** The next frame, valid until the next call; undefined when the worker has closed the pipe. */
export function readFrame(): Buffer | undefined {
  const frame = readSent();
  const whole =
    frame && wordAt(headerOf(frame), 1) === FRAME.tray ? takeUp(TRAY, 'batch', frame, reused) : frame;
  if (whole && wordAt(headerOf(whole), 1) === FRAME.batch) {
    const free = (wordAt(headerOf(whole), 5) & FLAG_TRAY) !== 0;
    place = free ? batches % TRAY_PLACES : undefined;
    batches++;
  }
  return whole;
}

/** A buffer of its own: what else was sent lies behind the note. */
function reused(bytes: number): Buffer {
  if (taken.length < bytes) taken = Buffer.allocUnsafeSlow(bytes + (bytes >> 1) + 8);
  return taken.subarray(0, bytes);
}

function readSent(): Buffer | undefined {
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
  const note = place === undefined ? undefined : putDown(TRAY, 'result', place, [frame]);
  // Only the first result of a batch has a place.
  place = undefined;
  send(note ?? frame);
}

function send(frame: Buffer): void {
  let at = 0;
  while (at < frame.length) at += writeSync(PIPE, frame, at, frame.length - at);
}
