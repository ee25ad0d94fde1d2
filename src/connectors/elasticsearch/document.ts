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

/** What stands around a document, about, beside its index and its id. */
export const FRAME_BYTES = 40;

/** The body of a bulk request: for each document a line of what to do, and mostly one of what with. */
export function bulkBody(documents: readonly Document[]): Buffer {
  const actionLine = actionLines();
  const heads: string[] = [];
  let bytes = 0;
  for (const document of documents) {
    const { delivery, element, action } = document;
    const { starts, ends } = delivery.batch;
    const head = `${actionLine(document)}\n${action === 'update' ? UPDATE_BEFORE : ''}`;
    heads.push(head);
    bytes += Buffer.byteLength(head) + (ends[element] ?? 0) - (starts[element] ?? 0) + UPDATE_AFTER.length;
  }
  // One buffer, a little too long: a small one for each line costs more than all the copying.
  const body = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const [i, { delivery, element, action }] of documents.entries()) {
    const { bytes: from, starts, ends } = delivery.batch;
    at += body.write(heads[i] ?? '', at);
    if (action === 'delete') continue;
    at += from.copy(body, at, starts[element], ends[element]);
    at += body.write(action === 'update' ? UPDATE_AFTER : '\n', at);
  }
  return body.subarray(0, at);
}

const UPDATE_BEFORE = '{"doc":';
const UPDATE_AFTER = ',"doc_as_upsert":true}\n';
/** How often the server itself begins anew when another has changed the document in between. */
const CONFLICT_RETRIES = 5;
/** Text that is the same in JSON. */
const PLAIN = /^[\w.:@#-]*$/;

/** Gives the line of each document; what documents of one index have in common is made once. */
function actionLines(): (document: Pick<Document, 'action' | 'index' | 'id' | 'routing'>) => string {
  let common = '';
  let ofAction = '';
  let ofIndex = '';
  return ({ action, index, id, routing }) => {
    if (action !== ofAction || index !== ofIndex) {
      common = `{"${action}":{"_index":${JSON.stringify(index)}`;
      if (action === 'update') common += `,"retry_on_conflict":${CONFLICT_RETRIES}`;
      [ofAction, ofIndex] = [action, index];
    }
    const named = id === undefined ? '' : `,"_id":${quoted(id)}`;
    return `${common}${named}${routing === undefined ? '' : `,"routing":${quoted(routing)}`}}}`;
  };
}

const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));
