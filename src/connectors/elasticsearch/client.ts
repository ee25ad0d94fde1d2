/** A connection to Elasticsearch or OpenSearch: what it is, whether it takes us, and what is asked of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';
import { backoffMs } from '../http/backoff.ts';
import { type HttpAnswer, type HttpClient, type HttpRequest, NoAnswer } from '../http/client.ts';
import { requestVerdict } from './retry.ts';

export interface Product {
  name: 'Elasticsearch' | 'OpenSearch';
  version: string;
}

/** The oldest major version whose bulk requests we speak. */
const OLDEST = { Elasticsearch: 7, OpenSearch: 1 };

/**
 * What answers, asked for up to so long. @throws SluiceError SERVICE_UNREACHABLE, AUTHENTICATION_FAILED, or
 * PARAMETERS_INVALID when it is something else or too old
 */
export async function readProduct(
  http: HttpClient,
  where: string,
  patienceMs: number,
): Promise<Product | undefined> {
  const answer = await askPatiently(http, { method: 'GET', path: '/' }, where, patienceMs);
  // A key that may write and no more is not told the version.
  if (answer.status === 403) return undefined;
  if (answer.status === 401) throw denied(where, answer);
  const said = jsonIn(answer);
  const version = said.version as { number?: unknown; distribution?: unknown } | undefined;
  if (answer.status !== 200 || typeof version?.number !== 'string')
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${where} is neither Elasticsearch nor OpenSearch: it answers ${answer.status} ${textIn(answer, 100)}`,
    );
  const name = version.distribution === 'opensearch' ? 'OpenSearch' : 'Elasticsearch';
  if (Number.parseInt(version.number, 10) < OLDEST[name])
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${where} is ${name} ${version.number}: it takes ${name} ${OLDEST[name]} or later`,
    );
  return { name, version: version.number };
}

/** True when an index or an alias of that name is there, as far as we are told. */
export async function isThere(http: HttpClient, index: string): Promise<boolean> {
  const path = `/_alias/${encodeURIComponent(index)}`;
  const answer = await http.send({ method: 'GET', path }).catch(() => undefined);
  return answer?.status !== 404;
}

/** True when the name is that of a data stream. */
export async function isDataStream(http: HttpClient, index: string): Promise<boolean> {
  const path = `/_data_stream/${encodeURIComponent(index)}`;
  const answer = await http.send({ method: 'GET', path }).catch(() => undefined);
  if (answer?.status !== 200) return false;
  // Of a plain index it is said that there are none.
  const streams = jsonIn(answer).data_streams;
  return Array.isArray(streams) && streams.length > 0;
}

export interface Place {
  _index: string;
  _id: string;
  routing?: string;
}

/** The documents at these places as text, in their order; undefined where there is none, or it is not kept. */
export async function readDocuments(
  http: HttpClient,
  places: readonly Place[],
  signal: AbortSignal,
): Promise<unknown[] | undefined> {
  const body = Buffer.from(JSON.stringify({ docs: places }));
  const answer = await http.send(
    { method: 'POST', path: '/_mget', body, headers: { 'content-type': 'application/json' } },
    signal,
  );
  if (answer.status !== 200) return undefined;
  const docs = jsonIn(answer).docs;
  return Array.isArray(docs) ? docs.map((each: { _source?: unknown }) => each._source) : undefined;
}

export const BULK_PATH =
  '/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by,items.*.error.index';

/** What an answer says, as an object; empty when it says nothing of the kind. */
export function jsonIn(answer: HttpAnswer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(answer.body.toString());
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // No JSON: a proxy's page.
  }
  return {};
}

/** What an answer says of why, in words. */
export function reasonIn(answer: HttpAnswer): string {
  const { error } = jsonIn(answer);
  return typeof error === 'object' && error !== null ? reasonOf(error) : textIn(answer, 300);
}

/** The type and the reason of an error, and of what caused it. */
export function reasonOf(error: object): string {
  const {
    type,
    reason,
    caused_by: cause,
  } = error as { type?: unknown; reason?: unknown; caused_by?: object };
  const words = [type, reason].filter(word => typeof word === 'string' && word !== '').join(': ');
  return typeof cause === 'object' && cause !== null ? `${words}; ${reasonOf(cause)}` : words;
}

const textIn = ({ body }: HttpAnswer, characters: number): string =>
  body
    .toString('utf8', 0, 4 * characters)
    .replace(/\s+/g, ' ')
    .slice(0, characters);

export const denied = (where: string, answer: HttpAnswer): SluiceError =>
  new SluiceError(
    'AUTHENTICATION_FAILED',
    `${where} does not accept who we are (status ${answer.status}): ${reasonIn(answer)}`,
  );

async function askPatiently(
  http: HttpClient,
  request: HttpRequest,
  where: string,
  patienceMs: number,
): Promise<HttpAnswer> {
  const endMs = Date.now() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    const answer = await http.send(request).catch((error: unknown) => {
      if (error instanceof NoAnswer) return error;
      throw error;
    });
    const failed = answer instanceof NoAnswer || requestVerdict(answer.status) === 'again';
    if (!failed) return answer;
    if (Date.now() > endMs) {
      const why = answer instanceof NoAnswer ? answer.message : `${answer.status} ${reasonIn(answer)}`;
      throw new SluiceError('SERVICE_UNREACHABLE', `${where} does not answer: ${why}`);
    }
    await sleep(Math.min(backoffMs(attempt), 1000));
  }
}
