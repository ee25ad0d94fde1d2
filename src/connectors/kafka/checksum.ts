/** CRC-32C, which record batches carry, and the hash by which Kafka's own clients choose a partition for a key. */

/** Eight tables of 256, one after the other: eight bytes a step are several times faster than one. */
const table = makeTable();

/** @param before the sum of what comes before these bytes */
export function crc32c(bytes: Buffer, before = 0): number {
  const { length } = bytes;
  let crc = ~before;
  let at = 0;
  // Words can be read in one go where they are aligned.
  while (at < length && ((bytes.byteOffset + at) & 3) !== 0) crc = step(crc, bytes, at++);
  const pairs = ((length - at) >> 2) & ~1;
  const words = new Int32Array(bytes.buffer, pairs > 0 ? bytes.byteOffset + at : 0, pairs);
  for (let i = 0; i < pairs; i += 2) {
    const a = crc ^ (words[i] as number);
    const b = words[i + 1] as number;
    crc =
      look(1792 + (a & 0xff)) ^
      look(1536 + ((a >>> 8) & 0xff)) ^
      look(1280 + ((a >>> 16) & 0xff)) ^
      look(1024 + (a >>> 24)) ^
      look(768 + (b & 0xff)) ^
      look(512 + ((b >>> 8) & 0xff)) ^
      look(256 + ((b >>> 16) & 0xff)) ^
      look(b >>> 24);
  }
  for (at += 4 * pairs; at < length; at++) crc = step(crc, bytes, at);
  return ~crc >>> 0;
}

/** Never negative. */
export function murmur2(bytes: Buffer): number {
  const { length } = bytes;
  const mix = 0x5bd1e995;
  const whole = length & ~3;
  let hash = 0x9747b28c ^ length;
  for (let at = 0; at < whole; at += 4) {
    let four = Math.imul(at32(bytes, at), mix);
    four = Math.imul(four ^ (four >>> 24), mix);
    hash = Math.imul(hash, mix) ^ four;
  }
  const rest = length - whole;
  if (rest === 3) hash ^= byteAt(bytes, whole + 2) << 16;
  if (rest >= 2) hash ^= byteAt(bytes, whole + 1) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ byteAt(bytes, whole), mix);
  hash = Math.imul(hash ^ (hash >>> 13), mix);
  return (hash ^ (hash >>> 15)) & 0x7fffffff;
}

function makeTable(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    made[i] = value;
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256] as number;
    made[i] = (before >>> 8) ^ (made[before & 0xff] as number);
  }
  return made;
}

function look(index: number): number {
  return table[index] as number;
}

function step(crc: number, bytes: Buffer, at: number): number {
  return look((crc ^ byteAt(bytes, at)) & 0xff) ^ (crc >>> 8);
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] as number;
}

function at32(bytes: Buffer, at: number): number {
  return (
    byteAt(bytes, at) |
    (byteAt(bytes, at + 1) << 8) |
    (byteAt(bytes, at + 2) << 16) |
    (byteAt(bytes, at + 3) << 24)
  );
}
