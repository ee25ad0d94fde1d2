/**
 * The two messages of google.pubsub.v1 that carry elements, read and written in protobuf's wire format without
 * an object per field: a published message is kept as the bytes the publisher sent, and delivered by copying
 * them with its id and publish time behind.
 */
import { isUtf8 } from 'node:buffer';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** A published message: its encoding but for id and publish time, and where in it the parts lie. */
export interface PublishedMessage {
  /** Fields 1 (data), 2 (attributes) and 5 (ordering key) of a PubsubMessage, encoded. */
  body: Buffer;
  dataBytes: number;
  key: string;
  attributes: Map<string, string>;
}

export interface PublishRequest {
  topic: string;
  messages: PublishedMessage[];
}

/** What is delivered of a message. */
export interface DeliveredMessage {
  id: number;
  ackId: string;
  body: Uint8Array;
  publishedMs: number;
  /** Told only where a dead-letter policy counts. */
  attempt: number;
}

/** Reads a PublishRequest; throws a RangeError when the bytes are not one. */
export function decodePublishRequest(bytes: Buffer): PublishRequest {
  const request: PublishRequest = { topic: '', messages: [] };
  const reader = new Reader(bytes, 0, bytes.length);
  while (reader.next()) {
    if (reader.field === 1) request.topic = reader.string();
    else if (reader.field === 2) request.messages.push(decodeMessage(reader.bytes()));
    else reader.skip();
  }
  return request;
}

/** Reads a PubsubMessage; throws a RangeError when the bytes are not one. */
export function decodeMessage(bytes: Buffer): PublishedMessage {
  const message: PublishedMessage = { body: bytes, dataBytes: 0, key: '', attributes: new Map() };
  const reader = new Reader(bytes, 0, bytes.length);
  const kept: Buffer[] = [];
  let whole = true;
  while (reader.next()) {
    if (reader.field === 1) message.dataBytes = reader.bytes().length;
    else if (reader.field === 2) decodeAttribute(reader.bytes(), message.attributes);
    else if (reader.field === 5) message.key = reader.string();
    else {
      // The id and the publish time are the service's to give.
      reader.skip();
      whole = false;
      continue;
    }
    kept.push(bytes.subarray(reader.fieldStart, reader.at));
  }
  return whole ? message : { ...message, body: Buffer.concat(kept) };
}

function decodeAttribute(bytes: Buffer, attributes: Map<string, string>): void {
  const reader = new Reader(bytes, 0, bytes.length);
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.skip();
  }
  attributes.set(key, value);
}

/** One more attribute, to be put behind a message's body. */
export function encodeAttribute(key: string, value: string): Buffer {
  const entry = Buffer.concat([encodeString(1, key), encodeString(2, value)]);
  return Buffer.concat([Buffer.from([(2 << 3) | LENGTH]), encodeVarint(entry.length), entry]);
}

function encodeString(field: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([(field << 3) | LENGTH]), encodeVarint(bytes.length), bytes]);
}

function encodeVarint(value: number): Buffer {
  const bytes = Buffer.alloc(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/**
 * Writes a PullResponse or a StreamingPullResponse: both have the received messages as field 1.
 * `ordered` sets subscription_properties.message_ordering_enabled, which only the latter has.
 */
export function encodeReceivedMessages(messages: readonly DeliveredMessage[], ordered = false): Buffer {
  const sizes = messages.map(sizesOf);
  let total = ordered ? ORDERED.length : 0;
  for (const { received } of sizes) total += 1 + varintLength(received) + received;
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const [i, message] of messages.entries()) {
    const size = sizes[i];
    if (size) at = writeReceivedMessage(out, at, message, size);
  }
  if (ordered) ORDERED.copy(out, at);
  return out;
}

/** subscription_properties { message_ordering_enabled: true } */
const ORDERED = Buffer.from([(4 << 3) | LENGTH, 2, (2 << 3) | VARINT, 1]);

interface Sizes {
  id: string;
  seconds: number;
  nanos: number;
  time: number;
  message: number;
  received: number;
}

function sizesOf(message: DeliveredMessage): Sizes {
  const id = String(message.id);
  const seconds = Math.floor(message.publishedMs / 1000);
  const nanos = (message.publishedMs - seconds * 1000) * 1_000_000;
  const time = 1 + varintLength(seconds) + (nanos === 0 ? 0 : 1 + varintLength(nanos));
  const inner = message.body.length + 2 + id.length + 2 + time;
  const attempt = message.attempt > 0 ? 1 + varintLength(message.attempt) : 0;
  const received = 2 + message.ackId.length + 1 + varintLength(inner) + inner + attempt;
  return { id, seconds, nanos, time, message: inner, received };
}

/** Ids are short ASCII, so that one byte holds their length. */
function writeReceivedMessage(out: Buffer, start: number, message: DeliveredMessage, size: Sizes): number {
  let at = start;
  out[at++] = (1 << 3) | LENGTH;
  at = writeVarint(out, at, size.received);
  at = writeAscii(out, at, 1, message.ackId);
  out[at++] = (2 << 3) | LENGTH;
  at = writeVarint(out, at, size.message);
  out.set(message.body, at);
  at = writeAscii(out, at + message.body.length, 3, size.id);
  out[at++] = (4 << 3) | LENGTH;
  out[at++] = size.time;
  out[at++] = (1 << 3) | VARINT;
  at = writeVarint(out, at, size.seconds);
  if (size.nanos !== 0) {
    out[at++] = (2 << 3) | VARINT;
    at = writeVarint(out, at, size.nanos);
  }
  if (message.attempt > 0) {
    out[at++] = (3 << 3) | VARINT;
    at = writeVarint(out, at, message.attempt);
  }
  return at;
}

function writeAscii(out: Buffer, start: number, field: number, text: string): number {
  out[start] = (field << 3) | LENGTH;
  out[start + 1] = text.length;
  out.write(text, start + 2, 'latin1');
  return start + 2 + text.length;
}

/** Works for what an unsigned integer of up to 2^53 needs, where bit operations would not. */
function writeVarint(out: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 128) {
    out[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  out[at++] = rest;
  return at;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Goes over the fields of an encoded message. */
class Reader {
  field = 0;
  fieldStart = 0;
  at: number;
  readonly #bytes: Buffer;
  readonly #end: number;
  #type = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.at >= this.#end) return false;
    this.fieldStart = this.at;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#type = tag % 8;
    if (this.field === 0) throw new RangeError('a field has no number');
    return true;
  }

  /** The bytes of a length-delimited field; shares their memory. */
  bytes(): Buffer {
    if (this.#type !== LENGTH) throw new RangeError(`field ${this.field} is of the wrong type`);
    const length = this.#varint();
    const start = this.at;
    this.#advance(length);
    return this.#bytes.subarray(start, this.at);
  }

  string(): string {
    const bytes = this.bytes();
    if (!isUtf8(bytes)) throw new RangeError(`field ${this.field} is not UTF-8`);
    return bytes.toString();
  }

  skip(): void {
    if (this.#type === VARINT) this.#varint();
    else if (this.#type === FIXED64) this.#advance(8);
    else if (this.#type === LENGTH) this.bytes();
    else if (this.#type === FIXED32) this.#advance(4);
    else throw new RangeError(`field ${this.field} is of a type unknown here`);
  }

  #advance(length: number): void {
    if (length > this.#end - this.at) throw new RangeError('the bytes end within a field');
    this.at += length;
  }

  #varint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.#end) throw new RangeError('the bytes end within a number');
      const byte = this.#bytes[this.at++] ?? 0;
      value += (byte & 127) * unit;
      if (byte < 128) return value;
      unit *= 128;
    }
    throw new RangeError('a number has more than ten bytes');
  }
}
