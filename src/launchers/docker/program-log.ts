/** One of the streams of a container as lines, each with the moment at which the engine took it. */

/** Up to where it has been read: as many of the pieces that came at this moment. */
export interface LogPosition {
  /** RFC 3339 with nanoseconds, as the engine writes it; empty before the first. */
  time: string;
  count: number;
}

export interface LogLine {
  time: string;
  text: string;
  /** Names the line among all of its stream, however often it is read. */
  at: string;
  /** The rest of it was too long to be kept. */
  isCut: boolean;
}

export const atBeginning: LogPosition = { time: '', count: 0 };

/** No longer one is kept whole. */
const MAX_LINE_BYTES = 64 * 1024;
/** The engine puts it before each piece: which stream it is of, and how long it is. */
const HEADER_BYTES = 8;
/** It cuts lines into pieces of 16 KiB. */
const MAX_PIECE_BYTES = 1 << 20;
const NEWLINE = 0x0a;
const SPACE = 0x20;

export interface LogReader {
  /** The lines that this chunk of the stream completes. */
  take(chunk: Buffer): LogLine[];
  /** What the stream ended with, without a line's end. */
  rest(): LogLine[];
  /** Where a later reader goes on so that it misses no line: behind the last one that was complete. */
  position(): LogPosition;
}

/**
 * Reads what the engine gives for one stream with `timestamps`, from `from` on: pieces that were read before are left
 * out. It keeps no more than a line, whatever comes.
 */
export function readLog(from: LogPosition = atBeginning): LogReader {
  const pieces = piecesOf();
  let position = from;
  let seen = atBeginning;
  /** The line that is not complete yet. */
  let line: { time: string; at: string; parts: Buffer[]; bytes: number; isCut: boolean } | undefined;

  const add = (time: string, content: Buffer): LogLine[] => {
    seen = { time, count: seen.time === time ? seen.count + 1 : 1 };
    if (time === from.time && seen.count <= from.count) return [];
    line ??= { time, at: `${time}-${seen.count}`, parts: [], bytes: 0, isCut: false };
    const isWhole = content.at(-1) === NEWLINE;
    const text = isWhole ? content.subarray(0, -1) : content;
    const room = MAX_LINE_BYTES - line.bytes;
    if (text.length > room) line.isCut = true;
    if (room > 0) line.parts.push(Buffer.from(text.subarray(0, room)));
    line.bytes += text.length;
    return isWhole ? end() : [];
  };
  const end = (): LogLine[] => {
    if (!line) return [];
    const { time, at, parts, isCut } = line;
    line = undefined;
    position = seen;
    return [{ time, at, text: Buffer.concat(parts).toString(), isCut }];
  };
  return {
    take: chunk => pieces(chunk).flatMap(({ time, content }) => add(time, content)),
    rest: end,
    position: () => position,
  };
}

/** The pieces in the engine's framing, as they become whole. */
function piecesOf(): (chunk: Buffer) => { time: string; content: Buffer }[] {
  let held: Buffer = Buffer.alloc(0);
  return chunk => {
    const found = [];
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= HEADER_BYTES) {
      const length = held.readUInt32BE(4);
      if (length > MAX_PIECE_BYTES) throw new Error('the log of the container is not what an engine writes');
      const end = HEADER_BYTES + length;
      if (held.length < end) break;
      const piece = held.subarray(HEADER_BYTES, end);
      const space = piece.indexOf(SPACE);
      found.push({ time: piece.toString('latin1', 0, space), content: piece.subarray(space + 1) });
      held = held.subarray(end);
    }
    // What is left is a part of a piece: the chunk it lies in may go.
    held = Buffer.from(held);
    return found;
  };
}
