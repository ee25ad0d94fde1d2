/** A document on its way, and the request that it becomes a part of. */
import type { Parcel } from '../http/loader.ts';
import type { Action } from './retry.ts';

export interface Document extends Parcel {
  action: Action;
  index: string;
  /** Absent: the server makes one. */
  id?: string;
  /** The id stands for the element itself: what is there under it is this document. */
  ownId: boolean;
  routing?: string;
  /** How often the server failed over it alone. */
  doubts: number;
}

const LF = 10;
/** What stands around a document, about, beside its index and its id. */
export const FRAME_BYTES = 40;

/** The body of a bulk request: for each document a line of what to do, and mostly one of what with. */
export function bulkBody(documents: readonly Document[]): Buffer {
  const pieces: Buffer[] = [];
  for (const { delivery, element, ...document } of documents) {
    const { bytes, starts, ends } = delivery.batch;
    pieces.push(Buffer.from(`${actionLine(document)}\n`));
    if (document.action === 'delete') continue;
    const source = bytes.subarray(starts[element], ends[element]);
    if (document.action === 'update') pieces.push(UPDATE_BEFORE, source, UPDATE_AFTER);
    else pieces.push(source);
    pieces.push(LINE_END);
  }
  return Buffer.concat(pieces);
}

const UPDATE_BEFORE = Buffer.from('{"doc":');
const UPDATE_AFTER = Buffer.from(',"doc_as_upsert":true}');
const LINE_END = Buffer.of(LF);
/** How often the server itself begins anew when another has changed the document in between. */
const CONFLICT_RETRIES = 5;

function actionLine({
  action,
  index,
  id,
  routing,
}: Pick<Document, 'action' | 'index' | 'id' | 'routing'>): string {
  return JSON.stringify({
    [action]: {
      _index: index,
      ...(id !== undefined && { _id: id }),
      ...(routing !== undefined && { routing }),
      ...(action === 'update' && { retry_on_conflict: CONFLICT_RETRIES }),
    },
  });
}
