/** Bytes that grow: what writers of Avro write to. */

export interface Output {
  /** How much is written; set back, what lies beyond is taken back. */
  at: number;
  depth: number;
  /** Values must be of their type: no numbers of text. */
  strict: boolean;
  byte(value: number): void;
  /** An integer that a double holds. */
  long(value: number): void;
  longest(value: bigint): void;
  float(value: number): void;
  double(value: number): void;
  bytes(value: Uint8Array): void;
  /** With its length before it. */
  text(value: string): void;
  /** A copy of what is written, and begins anew. */
  take(): Buffer;
}

export function createOutput(): Output {
  return new GrowingOutput();
}

const FIRST_BYTES = 1 << 16;
class GrowingOutput implements Output {
  at = 0;
  depth = 0;
  strict = false;
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.at++] = value;
  }

  long(value: number): void {
    this.#reserve(10);
    let rest = value >= 0 ? value * 2 : -value * 2 - 1;
    while (rest >= 0x80) {
      this.#buffer[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.at++] = rest;
  }

  longest(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.#buffer[this.at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.at++] = Number(rest);
  }

  float(value: number): void {
    this.#reserve(4);
    this.at = this.#buffer.writeFloatLE(value, this.at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.at = this.#buffer.writeDoubleLE(value, this.at);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.at);
    this.at += value.length;
  }

  text(value: string): void {
    // Mostly a letter is a byte: then the length is known before the text is written.
    const before = this.at;
    this.long(value.length);
    this.#reserve(value.length * 3);
    const written = this.#buffer.write(value, this.at, 'utf8');
    if (written === value.length) {
      this.at += written;
      return;
    }
    this.at = before;
    this.long(written);
    this.#reserve(written);
    this.at += this.#buffer.write(value, this.at, 'utf8');
  }

  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.at);
    this.#buffer.copy(taken, 0, 0, this.at);
    this.at = 0;
    this.depth = 0;
    // One huge value is no reason to keep so much for good.
    if (this.#buffer.length > 1 << 24) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return taken;
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.at + bytes));
    this.#buffer.copy(larger, 0, 0, this.at);
    this.#buffer = larger;
  }
}
