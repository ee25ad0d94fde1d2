/** Brings a bulk to its end: what the server cannot take now is sent again, what it never takes has failed. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { payloadOf } from '../../engine/batch.ts';
import { SluiceError } from '../../errors.ts';
import { backoffMs } from '../http/backoff.ts';
import { type HttpAnswer, type HttpClient, NoAnswer } from '../http/client.ts';
import { type BulkSender, finish, refuse } from '../http/loader.ts';
import { BULK_PATH, denied, jsonIn, type Place, readDocuments, reasonIn, reasonOf } from './client.ts';
import { bulkBody, type Document } from './document.ts';
import { isOverload, itemVerdict, requestVerdict } from './retry.ts';

export interface SenderSettings {
  http: HttpClient;
  /** The server in words. */
  where: string;
  /** Most documents in a request. */
  documents: number;
  /** How long it goes on while nothing at all is taken. */
  retryMs: number;
  /** Documents name an index of their own: one that is forbidden is the fault of the document. */
  ownIndexes: boolean;
  /** Full name of the stage. */
  stage: string;
}

/** What became of a document, and which one was there before it. */
interface Taken {
  document: Document;
  item: Item;
}

interface Item {
  status?: number;
  error?: { type?: string; reason?: string; index?: string };
}

/** The server fails over a document alone so often before that is the document's fault. */
const MAX_DOUBTS = 5;
const FEWEST_DOCUMENTS = 10;

export function openBulkSender(settings: SenderSettings): BulkSender<Document> {
  const { http, where, retryMs, stage } = settings;
  const stopping = new AbortController();
  let most = settings.documents;

  return { send, most: () => most, stop: () => stopping.abort() };

  async function send(documents: readonly Document[]): Promise<void> {
    let left = documents;
    let lastTakenMs = Date.now();
    for (let attempt = 0; left.length > 0; ) {
      const piece = left.slice(0, most);
      const rest = left.slice(most);
      const { again, reason } = await attemptPiece(piece);
      if (again.length < piece.length) {
        attempt = 0;
        lastTakenMs = Date.now();
      }
      left = again.length > 0 ? [...again, ...rest] : rest;
      if (again.length === 0) continue;
      if (Date.now() - lastTakenMs > retryMs)
        throw new SluiceError(
          'SERVICE_UNREACHABLE',
          `${where} has taken nothing for ${retryMs / 1000} s: ${reason}`,
        );
      await sleep(backoffMs(attempt++), undefined, { signal: stopping.signal });
    }
  }

  async function attemptPiece(
    piece: readonly Document[],
  ): Promise<{ again: readonly Document[]; reason: string }> {
    const answer = await post(piece);
    if (answer instanceof NoAnswer) return { again: piece, reason: answer.message };
    if (answer.status === 200) return readItems(piece, answer);
    const reason = `status ${answer.status}: ${reasonIn(answer)}`;
    if (isOverload(answer.status)) takeLess(piece.length);
    const verdict = requestVerdict(answer.status);
    if (verdict === 'again') return { again: piece, reason };
    if (verdict === 'denied') throw denied(where, answer);
    if (verdict === 'final')
      throw new SluiceError('PARAMETERS_INVALID', `${where} takes no bulk requests: ${reason}`);
    const [first] = piece;
    if (piece.length === 1 && first) refuseFor(first, 'ELASTICSEARCH_REFUSED', reason);
    else {
      const half = Math.ceil(piece.length / 2);
      await send(piece.slice(0, half));
      await send(piece.slice(half));
    }
    return { again: [], reason };
  }

  async function post(piece: readonly Document[]): Promise<HttpAnswer | NoAnswer> {
    const headers = { 'content-type': 'application/x-ndjson' };
    try {
      return await http.send(
        { method: 'POST', path: BULK_PATH, body: bulkBody(piece), headers },
        stopping.signal,
      );
    } catch (error) {
      if (error instanceof NoAnswer && !stopping.signal.aborted) return error;
      throw error;
    }
  }

  async function readItems(piece: readonly Document[], answer: HttpAnswer) {
    const { errors, items } = jsonIn(answer) as { errors?: boolean; items?: Record<string, Item>[] };
    const all = Array.isArray(items) && items.length === piece.length ? items : undefined;
    // Whatever answered, it did not say what became of the documents.
    if (!all) return { again: piece, reason: 'an answer without items' };
    if (errors === false) {
      for (const document of piece) finish(document);
      most = Math.min(settings.documents, most + Math.ceil(settings.documents / 20));
      return { again: [], reason: '' };
    }
    const { written, there, again } = judgeAll(piece, all);
    // What came after a document that is sent again, with its id, is sent again after it: the last one stays.
    const ids = new Set([...again].map(({ id }) => id));
    for (const document of written) {
      const { id, ownId, action } = document;
      if (id !== undefined && !ownId && action !== 'create' && ids.has(id)) again.add(document);
      else finish(document);
    }
    for (const document of await settle(there)) again.add(document);
    const last = all[piece.findLastIndex(document => again.has(document))];
    const { status, error = {} }: Item = Object.values(last ?? {})[0] ?? {};
    return {
      again: piece.filter(document => again.has(document)),
      reason: `status ${status}: ${reasonOf(error)}`,
    };
  }

  function judgeAll(piece: readonly Document[], items: readonly Record<string, Item>[]) {
    const written: Document[] = [];
    const there: Taken[] = [];
    const again = new Set<Document>();
    let isTooMuch = false;
    for (const [i, document] of piece.entries()) {
      const item = items[i]?.[document.action] ?? {};
      const { status = 0, error } = item;
      const verdict = itemVerdict(document.action, status, error?.type, error?.reason);
      if (verdict === 'written') written.push(document);
      else if (verdict === 'there') there.push({ document, item });
      else if (verdict === 'again' || (verdict === 'doubtful' && ++document.doubts < MAX_DOUBTS)) {
        again.add(document);
        isTooMuch ||= isOverload(status);
      } else if (verdict === 'denied' && !settings.ownIndexes) throw deniedIndex(document, item);
      else refuseFor(document, 'ELASTICSEARCH_REFUSED', reasonOf(error ?? {}));
    }
    if (isTooMuch) takeLess(piece.length);
    return { written, there, again };
  }

  /** Of documents whose ids are taken: those that must be sent again, since what is there could not be read. */
  async function settle(there: readonly Taken[]): Promise<Document[]> {
    const foreign = there.filter(({ document }) => !document.ownId);
    for (const { document } of there) if (document.ownId) finish(document);
    if (foreign.length === 0) return [];
    const places = foreign.map(
      ({ document: { index, id = '', routing }, item }): Place => ({
        _index: item.error?.index ?? index,
        _id: id,
        ...(routing !== undefined && { routing }),
      }),
    );
    let found: unknown[] | undefined;
    try {
      found = await readDocuments(http, places, stopping.signal);
    } catch (error) {
      if (!(error instanceof NoAnswer) || stopping.signal.aborted) throw error;
    }
    if (!found) return foreign.map(({ document }) => document);
    for (const [i, { document, item }] of foreign.entries()) {
      if (isSame(document, found[i])) finish(document);
      else refuseFor(document, 'ELASTICSEARCH_CONFLICT', reasonOf(item.error ?? {}));
    }
    return [];
  }

  function takeLess(than: number): void {
    most = Math.max(FEWEST_DOCUMENTS, Math.min(most, Math.ceil(than / 2)));
  }

  function refuseFor(document: Document, code: string, message: string): void {
    refuse(document, { code, message, transform: stage });
  }

  function deniedIndex({ index }: Document, { status, error }: Item): SluiceError {
    return new SluiceError(
      'AUTHENTICATION_FAILED',
      `${where} does not let us write to ${index} (status ${status}): ${reasonOf(error ?? {})}`,
    );
  }
}

/** True when the document that is there is this one: it came before a restart. */
function isSame({ delivery, element }: Document, source: unknown): boolean {
  return (
    source !== undefined &&
    isDeepStrictEqual(source, JSON.parse(payloadOf(delivery.batch, element).toString()))
  );
}
