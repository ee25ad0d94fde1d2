/** What Pub/Sub takes of a message and a request; the sink checks by the same figures. */

export const MAX_REQUEST_BYTES = 10 * 1024 * 1024;
export const MAX_REQUEST_MESSAGES = 1000;
export const MAX_DATA_BYTES = 10_000_000;
export const MAX_ATTRIBUTES = 100;
export const MAX_ATTRIBUTE_KEY_BYTES = 256;
export const MAX_ATTRIBUTE_VALUE_BYTES = 1024;
export const MAX_ORDERING_KEY_BYTES = 1024;

/** Why a message is refused, or undefined when it is not. */
export function messageFault(
  dataBytes: number,
  attributes: Iterable<[string, string]>,
  key: string,
): string | undefined {
  let count = 0;
  for (const [name, value] of attributes) {
    count++;
    if (name === '') return 'an attribute has an empty key';
    if (longer(name, MAX_ATTRIBUTE_KEY_BYTES))
      return `the attribute key '${name.slice(0, 40)}…' is longer than ${MAX_ATTRIBUTE_KEY_BYTES} bytes`;
    if (longer(value, MAX_ATTRIBUTE_VALUE_BYTES))
      return `the value of the attribute '${name}' is longer than ${MAX_ATTRIBUTE_VALUE_BYTES} bytes`;
  }
  if (count > MAX_ATTRIBUTES) return `it has ${count} attributes; at most ${MAX_ATTRIBUTES} are taken`;
  if (dataBytes === 0 && count === 0) return 'it has neither data nor attributes';
  if (dataBytes > MAX_DATA_BYTES)
    return `its data has ${dataBytes} bytes; at most ${MAX_DATA_BYTES} are taken`;
  if (longer(key, MAX_ORDERING_KEY_BYTES))
    return `its ordering key is longer than ${MAX_ORDERING_KEY_BYTES} bytes`;
  return undefined;
}

/** A string of n characters has at least n and at most 3n bytes, so that most need no counting. */
function longer(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}
