/** Ids made of where elements came from: the same after a restart, so that what is delivered again is not doubled. */
import { createHash } from 'node:crypto';
import { type Batch, originalOf, positionOf } from '../../engine/batch.ts';

/** Elasticsearch takes no longer one. */
export const MAX_ID_BYTES = 512;

/** Gives the id of each element in turn; undefined where nothing tells where it came from. */
export type OwnIds = (batch: Batch, index: number) => string | undefined;

/**
 * A message keeps its own id. A place in a file is one of this job: another job finds other lines there. Of several
 * elements that one was made into, which come one after the other, the later ones are numbered.
 */
export function ownIds(jobId: string, stage: string): OwnIds {
  let lastGiven: Batch | undefined;
  let lastPosition: string | undefined;
  let repeated = 0;
  let path = '';
  let hashedPath = '';

  return (batch, index) => {
    const position = positionOf(batch, index);
    if (position === undefined) return undefined;
    const given = originalOf(batch, index).batch;
    // The same position in another batch is the same element, delivered again.
    repeated = position === lastPosition && given === lastGiven ? repeated + 1 : 0;
    lastGiven = given;
    lastPosition = position;
    const id = batch.metadata?.[index]?.messageId === position ? messageId(position) : placeId(position);
    return repeated === 0 ? id : `${id}.${repeated}`;
  };

  function placeId(position: string): string {
    const at = position.lastIndexOf(':');
    if (position.slice(0, at) !== path || hashedPath === '') {
      path = position.slice(0, at);
      hashedPath = hash(jobId, stage, path);
    }
    return `${hashedPath}-${position.slice(at + 1)}`;
  }
}

/** Leaves room for the number of a repeated one. */
const messageId = (id: string): string => (Buffer.byteLength(id) > MAX_ID_BYTES - 20 ? hash(id) : id);

const hash = (...parts: string[]): string => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(`${Buffer.byteLength(part)}:${part}`);
  return sum.digest('base64url').slice(0, 22);
};
