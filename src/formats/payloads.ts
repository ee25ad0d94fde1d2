/** Texts to the bytes of a batch, in one go. */
import type { Batch } from '../engine/batch.ts';

/** The texts side by side, each followed by a newline, so that a text sink may write them as they lie. */
export function encodePayloads(texts: readonly string[]): Pick<Batch, 'bytes' | 'starts' | 'ends' | 'lines'> {
  const joined = texts.length === 0 ? '' : `${texts.join('\n')}\n`;
  const bytes = Buffer.from(joined);
  const starts = new Int32Array(texts.length);
  const ends = new Int32Array(texts.length);
  const isOneByte = bytes.length === joined.length;
  let at = 0;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] ?? '';
    starts[i] = at;
    at += isOneByte ? text.length : Buffer.byteLength(text);
    ends[i] = at++;
  }
  return { bytes, starts, ends, lines: true };
}
