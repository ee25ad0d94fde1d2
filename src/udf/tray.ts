/**
 * The tray: a file in memory that worker and child share, and through which large frames pass. A socket would wake the
 * other side for each piece of a batch; here a batch is put down whole, and only a note of 32 bytes is sent.
 *
 * Each batch has a place, which it shares with its first result, and which is used again eight batches later. The worker
 * lets the child use it only while fewer are under way: then whatever lay there has been taken.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, unlinkSync, writevSync } from 'node:fs';
import { FRAME, HEADER_BYTES, headerOf, wordAt } from './frames.ts';

export const TRAY_PLACES = 8;
/** A larger frame goes through the socket. */
const PLACE_BYTES = 1 << 20;
/** So does a smaller one: it costs less than the detour. */
const MIN_BYTES = 1 << 14;
/** A file system in memory; without one there is no tray. */
const MEMORY = '/dev/shm';

/** Which half of a place: batches and results never lie on one another. */
export type TraySide = 'batch' | 'result';

/** A new tray's descriptor; its file has no name any more. Undefined where there can be none. */
export function openTray(): number | undefined {
  if (!existsSync(MEMORY)) return undefined;
  const path = `${MEMORY}/sluice-${randomUUID()}`;
  try {
    const descriptor = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return descriptor;
  } catch {
    return undefined;
  }
}

export const closeTray = (descriptor: number | undefined): void => {
  if (descriptor !== undefined) closeSync(descriptor);
};

/** Puts a frame down; gives the note to send instead, or undefined when it does not fit. */
export function putDown(
  descriptor: number,
  side: TraySide,
  place: number,
  sections: readonly Uint8Array[],
): Buffer | undefined {
  const bytes = sections.reduce((sum, section) => sum + section.length, 0);
  if (bytes < MIN_BYTES || bytes > PLACE_BYTES) return undefined;
  try {
    if (writevSync(descriptor, sections, offsetOf(side, place)) < bytes) return undefined;
  } catch {
    // The memory is full: the socket still works.
    return undefined;
  }
  const note = Buffer.alloc(HEADER_BYTES);
  headerOf(note).set([HEADER_BYTES, FRAME.tray, place, bytes]);
  return note;
}

/** Takes the frame that a note tells of into `target(bytes)`; undefined when the note makes no sense. */
export function takeUp(
  descriptor: number,
  side: TraySide,
  note: Buffer,
  target: (bytes: number) => Buffer,
): Buffer | undefined {
  const place = wordAt(headerOf(note), 2);
  const bytes = wordAt(headerOf(note), 3);
  if (place < 0 || place >= TRAY_PLACES || bytes < HEADER_BYTES || bytes > PLACE_BYTES) return undefined;
  const frame = target(bytes);
  if (readSync(descriptor, frame, 0, bytes, offsetOf(side, place)) < bytes) return undefined;
  return wordAt(headerOf(frame), 0) === bytes ? frame : undefined;
}

const offsetOf = (side: TraySide, place: number): number =>
  (2 * place + (side === 'batch' ? 0 : 1)) * PLACE_BYTES;
