/** A Sluice server, as the verbs that need one call it: where it is, who asks, and its errors as errors of ours. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type ErrorCode, errorKinds, SluiceError, type Violation } from '../errors.ts';

/** Options of every verb that talks to a server; see `withServer`. */
export interface ServerOptions {
  server?: string;
  tokenFile?: string;
}

export interface Call {
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON; or, with a `contentType`, the text itself. */
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
}

export interface Client {
  /** `http://127.0.0.1:8080`, without a slash at its end. */
  readonly url: string;
  /** True when the server is on this machine. */
  readonly isLocal: boolean;
  /** @throws SluiceError what the server answered, or SERVER_UNREACHABLE */
  get<T>(path: string, call?: Call): Promise<T>;
  /** Asked once, never again: what was asked may have been done though no answer came. */
  post<T>(path: string, call?: Call): Promise<T>;
  put<T>(path: string, call?: Call): Promise<T>;
  /** The answer as it comes, for events; without a time limit once it has begun. */
  stream(
    path: string,
    call?: Call & { headers?: Record<string, string> },
  ): Promise<ReadableStream<Uint8Array>>;
}

const DEFAULT_SERVER = 'http://127.0.0.1:8080';
const TIMEOUT_MS = 60_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Adds `--server` and `--token-file` to a verb. */
export function withServer(command: Command): Command {
  return command
    .option('--server <url>', `the server; default: SLUICE_SERVER, or ${DEFAULT_SERVER}`)
    .option('--token-file <file>', 'a file with the token; default: SLUICE_TOKEN');
}

/** Adds them to a verb that works without a server too. */
export function withOptionalServer(command: Command): Command {
  return command
    .option('--server <url>', 'ask this server; default: SLUICE_SERVER, or none: what is on this machine')
    .option('--token-file <file>', 'a file with the token; default: SLUICE_TOKEN');
}

/** The server, if the user has named one. */
export const connectIfNamed = (options: ServerOptions): Client | undefined =>
  (options.server ?? process.env.SLUICE_SERVER) ? connect(options) : undefined;

/** @throws SluiceError USAGE for an address or a token that cannot be one */
export function connect(options: ServerOptions = {}, env: NodeJS.ProcessEnv = process.env): Client {
  const base = addressOf(options.server ?? env.SLUICE_SERVER ?? DEFAULT_SERVER);
  const token = tokenOf(options, env);
  const url = base.href.replace(/\/$/, '');

  const send = async (method: string, path: string, call: Call & { headers?: Record<string, string> }) => {
    const { query = {}, body, contentType, signal } = call;
    const target = new URL(`${url}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value));
    try {
      return await fetch(target, {
        method,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': contentType ?? 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...call.headers,
        },
        ...(body !== undefined && { body: contentType ? String(body) : JSON.stringify(body) }),
        // A token goes nowhere but to the address that was named.
        redirect: 'error',
        ...(signal && { signal }),
      });
    } catch (error) {
      throw unreachable(url, error);
    }
  };

  const ask = async <T>(method: string, path: string, call: Call = {}): Promise<T> => {
    const timeout = AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS);
    const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout;
    const response = await send(method, path, { ...call, signal });
    const text = await response.text().catch(error => {
      throw unreachable(url, error);
    });
    if (!response.ok) throw errorOf(response.status, text, url);
    if (!(response.headers.get('content-type') ?? '').includes('json')) return text as T;
    return parse(text, url) as T;
  };

  return {
    url,
    isLocal: LOOPBACK.test(base.hostname),
    get: (path, call) => ask('GET', path, call),
    post: (path, call) => ask('POST', path, call),
    put: (path, call) => ask('PUT', path, call),
    async stream(path, call = {}) {
      const response = await send('GET', path, call);
      if (!response.ok) throw errorOf(response.status, await response.text(), url);
      if (!response.body) throw noSluice(url);
      return response.body;
    },
  };
}

function addressOf(text: string): URL {
  const address = URL.canParse(text) ? new URL(text) : undefined;
  if (!address || !/^https?:$/.test(address.protocol))
    throw new SluiceError('USAGE', `"${text}" is no address of a server: give it as ${DEFAULT_SERVER}`);
  if (address.username || address.password)
    throw new SluiceError(
      'USAGE',
      'the address of a server takes no password: use --token-file or SLUICE_TOKEN',
    );
  address.search = '';
  address.hash = '';
  return address;
}

function tokenOf({ tokenFile }: ServerOptions, env: NodeJS.ProcessEnv): string | undefined {
  const token = tokenFile === undefined ? env.SLUICE_TOKEN?.trim() : readToken(tokenFile);
  // A header takes no line breaks; what is wrong is not shown, since it may be a secret all the same.
  if (token && !/^[\x21-\x7e]+$/.test(token))
    throw new SluiceError('USAGE', `${tokenFile ?? 'SLUICE_TOKEN'} holds no token: it must be one word`);
  return token || undefined;
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new SluiceError('USAGE', `--token-file: ${path} cannot be read: ${(error as Error).message}`);
  }
}

function unreachable(url: string, error: unknown): SluiceError {
  const { name, cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  const code = cause?.code ?? '';
  const why = name === 'TimeoutError' ? 'it took too long' : (faults[code] ?? cause?.message ?? message);
  return new SluiceError('SERVER_UNREACHABLE', `no answer from ${url}: ${why}`, { cause: error });
}

/** What `fetch` says of an address, in words. */
const faults: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  ECONNRESET: 'the connection was lost',
  UND_ERR_SOCKET: 'the connection was lost',
};

/** True when the server may have done what was asked, though no answer came. */
export function mayBeDone(error: unknown): boolean {
  if (!(error instanceof SluiceError) || error.code !== 'SERVER_UNREACHABLE') return false;
  const { code } = ((error.cause as Error | undefined)?.cause ?? {}) as { code?: string };
  return code !== 'ECONNREFUSED' && code !== 'ENOTFOUND';
}

const noSluice = (url: string): SluiceError =>
  new SluiceError('SERVER_UNREACHABLE', `what answers at ${url} is no Sluice server`);

function parse(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw noSluice(url);
  }
}

interface ErrorAnswer {
  error?: { message?: string; details?: Detail[] };
}

/** What we read of `google.rpc.ErrorInfo` and `google.rpc.BadRequest`. */
interface Detail {
  domain?: string;
  reason?: string;
  metadata?: { message?: string };
  fieldViolations?: { field?: string; description?: string }[];
}

/** The error that the server told, as if it had been thrown here. */
function errorOf(status: number, text: string, url: string): SluiceError {
  const { error } = (parse(text, url) ?? {}) as ErrorAnswer;
  if (typeof error?.message !== 'string') throw noSluice(url);
  const details = error.details ?? [];
  const { reason, metadata } = details.find(each => each.domain === 'sluice') ?? {};
  const message = metadata?.message ?? error.message;
  return new SluiceError(isCode(reason) ? reason : codeOf(status), message, {
    violations: violationsOf(details),
  });
}

const isCode = (reason: unknown): reason is ErrorCode =>
  typeof reason === 'string' && Object.hasOwn(errorKinds, reason);

function violationsOf(details: readonly Detail[]): Violation[] {
  const fields = details.flatMap(({ fieldViolations = [] }) => fieldViolations);
  return fields.map(({ field = '', description = '' }) => ({ subject: field, message: description }));
}

/** For answers that name no code of ours, e.g. of a proxy in between. */
function codeOf(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'PERMISSION_DENIED';
  if (status === 404) return 'ROUTE_NOT_FOUND';
  if (status === 413) return 'REQUEST_TOO_LARGE';
  if (status === 429) return 'TOO_MANY_REQUESTS';
  return status < 500 ? 'REQUEST_INVALID' : 'INTERNAL';
}
