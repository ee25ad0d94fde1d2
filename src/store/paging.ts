/** Page tokens: opaque to clients, the place after which the next page begins. */
import { SluiceError } from '../errors.ts';

export type Position = [ended: number, sortedAt: string, id: string];

export const nextToken = (...position: Position): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** @throws SluiceError REQUEST_INVALID for a token that no page has given */
export function positionOf(token: string | undefined): Position | undefined {
  if (token === undefined || token === '') return undefined;
  try {
    const [ended, at, id] = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (typeof ended === 'number' && typeof at === 'string' && typeof id === 'string') return [ended, at, id];
  } catch {}
  throw new SluiceError('REQUEST_INVALID', 'pageToken: no page has given this token');
}
