/** Reads the body of a request as its operation takes it, within limits of size, depth and keys. */
import type { IncomingMessage } from 'node:http';
import { MIMEType } from 'node:util';
import { SluiceError } from '../errors.ts';
import type { Operation } from './operation.ts';

const JSON_BYTES = 1 << 20;
const TEXT_BYTES = 5 << 20;
const MAX_DEPTH = 64;
const MAX_VALUES = 20_000;
/** Names that reach into an object's prototype when somebody merges what we were sent. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
/** Of a body that is too large so much more is read, so that its sender gets to see why. */
const LINGER_BYTES = 16 << 20;
const LINGER_MS = 500;
/** How much of all bodies that are on their way is kept at a time. */
const BUFFERED_BYTES = 256 << 20;

let buffered = 0;

/**
 * The body, parsed; `{}` for none, which is what some clients send for an empty message.
 * @throws SluiceError REQUEST_TOO_LARGE, MEDIA_TYPE_UNSUPPORTED, REQUEST_INVALID
 */
export async function readBody(operation: Operation, request: IncomingMessage): Promise<unknown> {
  const { id, method, bodyType } = operation;
  if (method === 'get' || method === 'delete') return undefined;
  requireType(request, bodyType ?? 'application/json', id);
  const bytes = await readBytes(request, bodyType ? TEXT_BYTES : JSON_BYTES);
  const text = textOf(bytes);
  if (bodyType) return text;
  const body = text.trim() === '' ? {} : parseJson(text);
  requirePlain(body);
  return body;
}

function requireType({ headers }: IncomingMessage, wanted: string, id: string): void {
  const { 'content-type': given, 'content-encoding': encoding = 'identity' } = headers;
  // A compressed body could be larger than its limit by far; no client sends one.
  if (encoding !== 'identity') throw unsupported(`The body of ${id} may not be compressed (${encoding}).`);
  if (given === undefined) return;
  const { type, charset } = typeOf(given);
  if (type !== wanted) throw unsupported(`${id} takes a body of the type ${wanted}, not ${given}.`);
  if (!/^utf-?8$/i.test(charset)) throw unsupported(`The body of ${id} must be in UTF-8, not in ${charset}.`);
}

function typeOf(header: string): { type: string; charset: string } {
  try {
    const { essence, params } = new MIMEType(header);
    return { type: essence, charset: params.get('charset') ?? 'utf-8' };
  } catch {
    return { type: '', charset: 'utf-8' };
  }
}

const unsupported = (message: string) => new SluiceError('MEDIA_TYPE_UNSUPPORTED', message);

/** Reads at most so much; what a sender says of the length is not believed, unless it is too much. */
function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = new SluiceError('REQUEST_TOO_LARGE', `The body may have ${limit} bytes here.`);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let refusal = Number(request.headers['content-length'] ?? 0) > limit ? tooLarge : undefined;
  let chunks: Buffer[] = [];
  let kept = 0;
  let seen = 0;
  let lingering: NodeJS.Timeout | undefined;
  const forget = () => {
    buffered -= kept;
    kept = 0;
    chunks = [];
  };
  const refuse = (why: SluiceError) => {
    forget();
    refusal = why;
    lingering ??= setTimeout(() => reject(why), LINGER_MS);
    if (seen <= LINGER_BYTES) return;
    request.pause();
    reject(why);
  };
  if (refusal) refuse(refusal);
  request.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (seen > limit) refusal ??= tooLarge;
    if (buffered + chunk.length > BUFFERED_BYTES) refusal ??= busy();
    if (refusal) return refuse(refusal);
    kept += chunk.length;
    buffered += chunk.length;
    chunks.push(chunk);
  });
  request.on('end', () => (refusal ? reject(refusal) : resolve(Buffer.concat(chunks))));
  request.on('close', () => reject(new SluiceError('REQUEST_INVALID', 'The body ended too early.')));
  return promise.finally(() => {
    clearTimeout(lingering);
    forget();
  });
}

const busy = () => new SluiceError('TOO_MANY_REQUESTS', 'Too many bodies are on their way: try again.');

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SluiceError('REQUEST_INVALID', 'The body is not well-formed UTF-8.');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SluiceError('REQUEST_INVALID', `The body is no well-formed JSON: ${(error as Error).message}`);
  }
}

/** @throws SluiceError REQUEST_INVALID for a document that is too deep or too large, or has names that no client sends */
function requirePlain(body: unknown): void {
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    if (++values > MAX_VALUES) throw refusal(`more than ${MAX_VALUES} values`);
    if (typeof value !== 'object' || value === null) return;
    if (depth === MAX_DEPTH) throw refusal(`objects more than ${MAX_DEPTH} deep`);
    for (const [key, each] of Object.entries(value)) {
      if (FORBIDDEN.has(key)) throw refusal(`the key "${key}", which is not allowed`);
      visit(each, depth + 1);
    }
  };
  visit(body, 0);
}

const refusal = (what: string) => new SluiceError('REQUEST_INVALID', `The body has ${what}.`);
