/** Reads parts of objects of Cloud Storage by its JSON API: the client's own streams fail when they are given up. */
import { type Agent, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { request, Agent as SecureAgent } from 'node:https';
import type { Storage } from '@google-cloud/storage';

export interface Part {
  bucket: string;
  name: string;
  generation: string;
  start: number;
  end: number;
}

/** No answer has come for so long. */
const TIMEOUT_MS = 60_000;

/** @param isEmulator it asks nobody who he is */
export function openDownloads(
  storage: Storage,
  isEmulator: boolean,
): (part: Part) => Promise<IncomingMessage> {
  const base = `${storage.apiEndpoint}/storage/v1/b/`;
  const isPlain = base.startsWith('http:');
  const settings = { keepAlive: true, proxyEnv: process.env };
  const agent: Agent = isPlain ? new PlainAgent(settings) : new SecureAgent(settings);
  const send = isPlain ? plainRequest : request;
  return async ({ bucket, name, generation, start, end }) => {
    const url = `${base}${bucket}/o/${encodeURIComponent(name)}?alt=media&generation=${generation}`;
    const allowed = isEmulator ? {} : await headersOf(storage, url);
    // As it is stored: an object that is kept compressed would be decompressed on the way.
    const headers = { ...allowed, range: `bytes=${start}-${end - 1}`, 'accept-encoding': 'gzip' };
    return new Promise((resolve, reject) => {
      const asked = send(url, { agent, headers, timeout: TIMEOUT_MS }, answer => {
        const status = answer.statusCode ?? 0;
        if (status === 206 || (status === 200 && start === 0)) return resolve(answer);
        answer.resume();
        reject(Object.assign(new Error(answer.statusMessage || 'no answer'), { code: status }));
      });
      asked.on('timeout', () => asked.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
      asked.on('error', reject);
      asked.end();
    });
  };
}

/** Who we are, as the client knows it: the forms of two of its versions. */
async function headersOf(storage: Storage, url: string): Promise<Record<string, string>> {
  const headers: Headers | Record<string, string> = await storage.authClient.getRequestHeaders(url);
  return headers instanceof Headers ? Object.fromEntries(headers) : headers;
}
