/** A batch frame as the child sees it: what the realm is handed of it, whole or element by element. */
import { FLAG_ASCII, FLAG_CAREFUL, HEADER_BYTES, headerOf, padded, tableIn, wordAt } from '../frames.ts';

/** Text of elements, and where in it each begins and ends, in characters. */
export interface Elements {
  text: string;
  starts: Int32Array;
  ends: Int32Array;
  /** JSON: an array of contexts, or empty. */
  contexts: string;
}

export interface BatchFrame {
  count: number;
  careful: boolean;
  elements(): Elements;
  /** One element by itself. */
  element(index: number): Elements;
}

export function batchIn(frame: Buffer): BatchFrame {
  const header = headerOf(frame);
  const count = wordAt(header, 2);
  const payloadBytes = wordAt(header, 3);
  const contextBytes = wordAt(header, 4);
  const flags = wordAt(header, 5);
  const startsAt = HEADER_BYTES;
  const endsAt = startsAt + padded(count * 4);
  const payloadAt = endsAt + padded(count * 4);
  const contextsAt = payloadAt + padded(payloadBytes);
  const starts = tableIn(frame, startsAt, count);
  const ends = tableIn(frame, endsAt, count);
  const contexts = frame.toString('utf8', contextsAt, contextsAt + contextBytes);
  const slice = (index: number) =>
    frame.toString('utf8', payloadAt + wordAt(starts, index), payloadAt + wordAt(ends, index));

  return {
    count,
    careful: (flags & FLAG_CAREFUL) !== 0,
    elements() {
      if ((flags & FLAG_ASCII) === 0) return { ...decoded(), contexts };
      return { text: frame.toString('latin1', payloadAt, payloadAt + payloadBytes), starts, ends, contexts };
    },
    element(index) {
      const text = slice(index);
      const context = contexts === '' ? '' : JSON.stringify([JSON.parse(contexts)[index]]);
      return { text, starts: Int32Array.of(0), ends: Int32Array.of(text.length), contexts: context };
    },
  };

  /** Beyond ASCII a position in bytes is none in characters: each element is decoded by itself. */
  function decoded(): Pick<Elements, 'text' | 'starts' | 'ends'> {
    const at = new Int32Array(count + 1);
    let text = '';
    for (let i = 0; i < count; i++) {
      text += slice(i);
      at[i + 1] = text.length;
    }
    return { text, starts: at.subarray(0, count), ends: at.subarray(1) };
  }
}
