/** Page tokens: opaque to clients, the place after which the next page begins. */
import { SluiceError } from '../errors.ts';

export type Position = [ended: number, sortedAt: string, id: string];

export const nextToken = (...position: Position): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** @throws SluiceError REQUEST_INVALID for a token that no page has given */
export function positionOf(token: string | undefined): Position | undefined {
  if (token === undefined || token === '') return undefined;
  try {
    const position: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (isPosition(position)) return position;
  } catch {
    // What is no JSON is no token either.
  }
  throw new SluiceError('REQUEST_INVALID', 'pageToken: no page has given this token');
}

function isPosition(value: unknown): value is Position {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [ended, sortedAt, id] = value;
  return (ended === 0 || ended === 1) && typeof sortedAt === 'string' && typeof id === 'string';
}
