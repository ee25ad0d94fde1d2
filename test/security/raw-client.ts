/** A client that sends what no library would. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  contentType: string;
  text: string;
}

export interface RawRequest {
  method: string;
  /** As it is to stand in the first line. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** The answer; of a stream of events only its head. */
export function send(url: string, { method, path, headers, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent }, response => {
      const contentType = response.headers['content-type'] ?? '';
      const status = response.statusCode ?? 0;
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status, contentType, text }));
      response.on('error', reject);
      if (!contentType.startsWith('text/event-stream')) return;
      resolve({ status, contentType, text });
      response.off('error', reject).on('error', () => {});
      sent.destroy();
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Sends these bytes as they are; gives all that comes back until the server closes the connection. */
export function sendBytes(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', error => ('code' in error && error.code === 'ECONNRESET' ? undefined : reject(error)));
  });
}

/** Why this is no answer that the API gives; undefined when it is one. */
export function faultOf({ status, contentType, text }: RawAnswer): string | undefined {
  if (status < 400) return undefined;
  // What Dataflow has and Sluice has not.
  if (status >= 500 && status !== 501) return `status ${status}: ${text.slice(0, 500)}`;
  if (!contentType.startsWith('application/json')) return `${status} as ${contentType}`;
  try {
    const { error } = JSON.parse(text);
    if (error.code === status && typeof error.message === 'string' && /^[A-Z_]+$/.test(error.status))
      return undefined;
  } catch {
    // Said below.
  }
  return `${status} without an error document: ${text.slice(0, 500)}`;
}
