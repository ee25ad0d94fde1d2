/** Speaks HTTP to the nodes of a server: connections kept open, a node that does not answer left alone for a while. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { SluiceError, systemCode } from '../../errors.ts';

export interface HttpSettings {
  /** The nodes: each may be asked for everything. */
  urls: readonly URL[];
  /** Sent with every request: who we are. */
  headers?: Readonly<Record<string, string>>;
  /** How long an answer may take. */
  timeoutMs: number;
  /** How many requests may be unanswered at once, to each node. */
  connections: number;
  /** Bodies are sent compressed. */
  gzip: boolean;
  tls: TlsSettings;
}

export interface TlsSettings {
  /** In PEM: who has signed the certificates of the nodes, where the system does not know. */
  ca?: string;
  /** False: any certificate is taken. */
  verify: boolean;
}

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Below the path of the node's own address. */
  path: string;
  body?: Buffer;
  headers?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  status: number;
  body: Buffer;
}

export interface HttpClient {
  /** The answer, whatever its status. Throws NoAnswer when there is none, AUTHENTICATION_FAILED for a false certificate. */
  send(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

/** No node has answered: the request may have been carried out all the same. */
export class NoAnswer extends Error {}

/** An answer to thousands of documents, each refused with a long reason, is no longer. */
const MAX_ANSWER_BYTES = 64 << 20;
/** A node that has not answered is asked again after this, or when no other does. */
const AVOIDED_MS = 5000;

/** A certificate does not get better by being asked for again. */
const DISTRUST = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const compress = promisify(gzip);
const FAST = { level: constants.Z_BEST_SPEED };

export function openHttp(settings: HttpSettings): HttpClient {
  const nodes = settings.urls.map(url => openNode(url, settings));
  let next = Math.floor(Math.random() * nodes.length);

  return {
    async send(request, signal) {
      const zipped = settings.gzip && request.body !== undefined;
      const body = zipped && request.body ? await compress(request.body, FAST) : request.body;
      const headers = {
        ...settings.headers,
        ...request.headers,
        ...(body && { 'content-length': String(body.length) }),
        ...(zipped && { 'content-encoding': 'gzip' }),
      };
      const node = choose();
      try {
        const answer = await node.send({ ...request, headers, ...(body && { body }) }, signal);
        node.avoidedUntilMs = 0;
        return answer;
      } catch (error) {
        if (DISTRUST.has(systemCode(error) ?? ''))
          throw new SluiceError(
            'AUTHENTICATION_FAILED',
            `${node.shown} shows a certificate that is not to be trusted (${systemCode(error)}): give that of who has signed it, or verify nothing`,
          );
        node.avoidedUntilMs = Date.now() + AVOIDED_MS;
        const why = error instanceof Error ? error.message || error.constructor.name : String(error);
        throw new NoAnswer(`${node.shown}: ${why}`, { cause: error });
      }
    },
    close: () => nodes.forEach(node => void node.close()),
  };

  /** One after the other, but for those that did not answer lately; else the one that has been left alone longest. */
  function choose(): HttpNode {
    const now = Date.now();
    const inTurn = nodes.map((_, i) => nodes[(next + i) % nodes.length]).filter(node => node !== undefined);
    next = (next + 1) % nodes.length;
    const best = inTurn.reduce((chosen, node) =>
      node.avoidedUntilMs < chosen.avoidedUntilMs ? node : chosen,
    );
    return inTurn.find(node => node.avoidedUntilMs <= now) ?? best;
  }
}

interface HttpNode {
  shown: string;
  avoidedUntilMs: number;
  send(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

function openNode(url: URL, { timeoutMs, connections, tls }: HttpSettings): HttpNode {
  const secure = url.protocol === 'https:';
  const keep = { keepAlive: true, maxSockets: connections, scheduling: 'lifo' } as const;
  const agent = secure
    ? new HttpsAgent({ ...keep, rejectUnauthorized: tls.verify, ...(tls.ca !== undefined && { ca: tls.ca }) })
    : new HttpAgent(keep);
  const base = url.pathname.replace(/\/+$/, '');
  return {
    shown: url.origin,
    avoidedUntilMs: 0,
    send: ({ method, path, headers, body }, signal) =>
      new Promise((resolve, reject) => {
        const options = { agent, method, headers, timeout: timeoutMs, ...(signal && { signal }) };
        const asked = (secure ? httpsRequest : httpRequest)(new URL(`${base}${path}`, url.origin), options);
        asked.once('response', response => void readAnswer(response).then(resolve, reject));
        asked.once('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
        asked.once('error', reject);
        asked.end(body);
      }),
    close: () => agent.destroy(),
  };
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response) {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    pieces.push(piece);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(pieces) };
}
