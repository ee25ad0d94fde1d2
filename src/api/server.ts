/** Serves the API: HTTP and gRPC, until it is asked to stop. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RequestHandler } from 'express';
import { authenticator } from '../access/authenticate.ts';
import { isOfJob } from '../access/job-networks.ts';
import { tokensIn } from '../access/tokens.ts';
import type { Config } from '../config.ts';
import { SluiceError, systemCode } from '../errors.ts';
import type { OpenService } from '../service/service.ts';
import { openStore } from '../store/store.ts';
import { createApp } from './app.ts';
import { errorAnswer } from './errors.ts';
import type { GrpcOptions } from './grpc/server.ts';

export interface ServerOptions {
  config: Config;
  /** Called once the address is ours: another server may be at work with the same jobs. */
  open(): Promise<OpenService>;
  /** Any other than a loopback address asks for tokens. */
  host: string;
  /** 0: any free one. */
  port: number;
  /** Absent: no gRPC. */
  grpcPort?: number;
  requestsPerMinute?: number;
  /** How long a client may take to send the head of a request, and all of it. */
  headersTimeoutMs?: number;
  requestTimeoutMs?: number;
  maxConnections?: number;
  /** Makes the pages for people. */
  pages?(service: OpenService, options: { ending: AbortSignal }): RequestHandler;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`. */
  url: string;
  grpcPort?: number;
  service: OpenService;
  /** Stops accepting, ends streams, lets requests finish for a while; then workers go on alone, or drain first. */
  close(options: { drain: boolean }): Promise<void>;
}

const GRACE_MS = 10_000;
const REQUESTS_PER_MINUTE = 60_000;

/** @throws SluiceError ADDRESS_IN_USE; UNAUTHENTICATED when there is no token for an address that others can reach */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, host, port, grpcPort, requestsPerMinute = REQUESTS_PER_MINUTE } = options;
  const required = !isLoopback(host);
  if (required) requireToken(config, host);
  let handler: RequestListener = tellNotReady;
  const server = createHttpServer(options, (request, response) => handler(request, response));
  await listen(server, host, port);
  const ending = new AbortController();
  let service: OpenService | undefined;
  try {
    service = await options.open();
    const authenticate = authenticator(tokensIn(service.store), { required });
    const grpc = await grpcOf({ service, host, port: grpcPort, authenticate });
    const streams = { ending: ending.signal };
    const pages = options.pages?.(service, streams);
    handler = createApp(service, { authenticate, requestsPerMinute, ...streams, ...(pages && { pages }) });
    const opened = service;
    const close = async (how: { drain: boolean }) => {
      await Promise.all([stop(server, ending), grpc?.close()]);
      await opened.close(how);
    };
    return { url: urlOf(server), grpcPort: grpc?.port, service, close };
  } catch (error) {
    await stop(server, ending);
    await service?.close({ drain: false });
    throw error;
  }
}

/** Its libraries are large: loaded only where gRPC is served. */
async function grpcOf({ port, ...options }: Partial<GrpcOptions> & Omit<GrpcOptions, 'port'>) {
  if (port === undefined) return undefined;
  const { startGrpc } = await import('./grpc/server.ts');
  return startGrpc({ ...options, port });
}

function requireToken(config: Config, host: string): void {
  const store = openStore(config);
  const exist = tokensIn(store).exist();
  store.close();
  if (!exist)
    throw new SluiceError(
      'UNAUTHENTICATED',
      `Others can reach ${host}, so a token is needed first: sluice token create --name NAME --role admin`,
    );
}

/** Slow clients are cut off, and there are only so many. */
function createHttpServer(options: ServerOptions, handler: RequestListener): Server {
  const { headersTimeoutMs = 10_000, requestTimeoutMs = 60_000, maxConnections = 2000 } = options;
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(headersTimeoutMs, 5000) / 2,
      keepAliveTimeout: 65_000,
    },
    handler,
  );
  server.maxConnections = maxConnections;
  return server.on('clientError', refuse).on('connection', socket => {
    if (isOfJob(socket.remoteAddress)) socket.destroy();
  });
}

const tellNotReady: RequestListener = (_, response) => {
  const { http, body } = errorAnswer(new SluiceError('NOT_READY', 'The server is starting.'));
  response.writeHead(http, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
};

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
  // A connection whose answer had begun before would be kept alive for more.
  const closing = setInterval(() => server.closeIdleConnections(), 50);
  const cutting = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearInterval(closing);
  clearTimeout(cutting);
}
