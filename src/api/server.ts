/** Serves the API: HTTP and gRPC, until it is asked to stop. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { authenticator } from '../access/authenticate.ts';
import { tokensIn } from '../access/tokens.ts';
import { SluiceError, systemCode } from '../errors.ts';
import type { Service } from '../service/service.ts';
import { createApp } from './app.ts';
import { errorAnswer } from './errors.ts';

export interface ServerOptions {
  service: Service;
  /** Any other than a loopback address asks for tokens. */
  host: string;
  /** 0: any free one. */
  port: number;
  requestsPerMinute?: number;
  /** How long a client may take to send the head of a request, and all of it. */
  headersTimeoutMs?: number;
  requestTimeoutMs?: number;
  maxConnections?: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`. */
  url: string;
  /** Stops accepting, ends streams, lets requests finish for a while, then cuts them off. */
  close(): Promise<void>;
}

const GRACE_MS = 10_000;
const REQUESTS_PER_MINUTE = 60_000;

/** @throws SluiceError ADDRESS_IN_USE; UNAUTHENTICATED when there is no token for an address that others can reach */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { service, host, port } = options;
  const { requestsPerMinute = REQUESTS_PER_MINUTE, headersTimeoutMs = 10_000 } = options;
  const { requestTimeoutMs = 60_000, maxConnections = 2000 } = options;
  const tokens = tokensIn(service.store);
  const required = !isLoopback(host);
  if (required && !tokens.exist())
    throw new SluiceError(
      'UNAUTHENTICATED',
      `Others can reach ${host}, so a token is needed first: sluice token create --name NAME --role admin`,
    );
  const authenticate = authenticator(tokens, { required });
  const ending = new AbortController();
  const app = createApp(service, { authenticate, requestsPerMinute, ending: ending.signal });
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(headersTimeoutMs, 5000) / 2,
      keepAliveTimeout: 65_000,
    },
    app,
  );
  server.maxConnections = maxConnections;
  server.on('clientError', refuse);
  await listen(server, host, port);
  return { url: urlOf(server), close: () => stop(server, ending) };
}

/** True for an address that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      const why = systemCode(error) === 'EADDRINUSE' ? 'is in use' : `cannot be used: ${error.message}`;
      reject(new SluiceError('ADDRESS_IN_USE', `${host}:${port} ${why}`, { cause: error }));
    });
    server.listen({ host, port }, resolve);
  });
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** What is no HTTP, or comes too slowly, never reaches the application: it is told so all the same. */
function refuse(error: Error, socket: Socket): void {
  if (!socket.writable || systemCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, reason] = faults[systemCode(error) ?? ''] ?? ['400 Bad Request', 'This is no HTTP request.'];
  const { body } = errorAnswer(new SluiceError('REQUEST_INVALID', reason));
  body.error.code = Number.parseInt(status, 10);
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

const faults: Record<string, [status: string, reason: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request came too slowly.'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers of the request are too large.'],
};

async function stop(server: Server, ending: AbortController): Promise<void> {
  const closed = new Promise(resolve => server.close(resolve));
  ending.abort();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(timer);
}
