/** Reads the body of a request as its operation takes it, within limits of size, depth and keys. */
import express, { type Request, type Response } from 'express';
import { SluiceError } from '../errors.ts';
import type { Operation } from './operation.ts';

const JSON_BYTES = 1 << 20;
const TEXT_BYTES = 5 << 20;
const MAX_DEPTH = 64;
const MAX_VALUES = 20_000;
/** Names that reach into an object's prototype when somebody merges what we were sent. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

// A compressed body could be larger than its limit by far; no client sends one.
const options = { type: () => true, inflate: false };
const readJson = express.json({ ...options, limit: JSON_BYTES });
const readText = express.text({ ...options, limit: TEXT_BYTES, defaultCharset: 'utf-8' });

/**
 * The body, parsed; `{}` for none, which is what some clients send for an empty message.
 * @throws SluiceError MEDIA_TYPE_UNSUPPORTED, REQUEST_INVALID, and what the parsers throw
 */
export async function readBody(operation: Operation, request: Request, response: Response): Promise<unknown> {
  if (operation.method === 'get' || operation.method === 'delete') return undefined;
  const wanted = operation.bodyType ?? 'application/json';
  if (request.headers['content-type'] !== undefined && request.is(wanted) === false)
    throw new SluiceError(
      'MEDIA_TYPE_UNSUPPORTED',
      `${operation.id} takes a body of the type ${wanted}, not ${request.headers['content-type']}.`,
    );
  await new Promise<void>((resolve, reject) => {
    const read = operation.bodyType ? readText : readJson;
    read(request, response, error => (error ? reject(error) : resolve()));
  });
  if (operation.bodyType) return request.body ?? '';
  const body = request.body ?? {};
  requirePlain(body);
  return body;
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
