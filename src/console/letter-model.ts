/** A dead letter as its page shows it. */
import type { DeadLetter } from '../engine/dead-letter.ts';
import { prettyJson } from './preview-model.ts';

const MAX_CHARACTERS = 100_000;
const BYTES_A_LINE = 16;
const MAX_BYTES = 4096;

export function letterModel(letter: DeadLetter) {
  const { payload, payloadBase64, attributes = {}, ...rest } = letter;
  const text = payload === undefined ? undefined : (prettyJson(payload) ?? payload);
  const bytes = payloadBase64 === undefined ? undefined : Buffer.from(payloadBase64, 'base64');
  return {
    ...rest,
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
    ...(text !== undefined && {
      text: text.slice(0, MAX_CHARACTERS),
      more: Math.max(0, text.length - MAX_CHARACTERS),
    }),
    ...(bytes && { hex: hexOf(bytes.subarray(0, MAX_BYTES)), size: bytes.length }),
  };
}

/** A line of a list. */
export const excerpt = (
  { id, code, message, transform, time, attempts, payload, payloadBase64 }: DeadLetter,
  characters: number,
) => ({
  id,
  code,
  message: message.slice(0, characters),
  transform,
  time,
  attempts,
  payload: (payload ?? payloadBase64 ?? '').slice(0, characters),
});

/** `00000010  7b 22 6e …  {"n…` */
function hexOf(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    const line = bytes.subarray(at, at + BYTES_A_LINE);
    const hex = [...line].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
    const text = line.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(BYTES_A_LINE * 3)} ${text}`);
  }
  return lines.join('\n');
}
