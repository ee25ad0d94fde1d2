import type { TestContext } from 'node:test';
import type { Role } from '../../src/access/roles.ts';
import { tokensIn } from '../../src/access/tokens.ts';
import { type ServerOptions, startServer as serve } from '../../src/api/server.ts';
import type { Config } from '../../src/config.ts';
import { openSupervisor } from '../../src/jobs/supervisor.ts';
import { logTo } from '../../src/service/log.ts';
import { type OpenService, openService } from '../../src/service/service.ts';
import { atEnd } from './at-end.ts';
import { temporaryFolder } from './temporary.ts';

export interface TestServerOptions extends Partial<Omit<ServerOptions, 'open' | 'config'>> {
  config?: Partial<Config>;
  /** Absent: jobs are taken and none is run, enough for what is only asked and answered. */
  maxJobs?: number;
  /** With a token of this role, which all requests are sent with; absent: without any. */
  as?: Role;
  /** Called before the server answers. */
  prepare?(service: OpenService): unknown;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; undefined when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  body: any;
}

export interface TestServer {
  url: string;
  /** Only where `grpcPort` was given. */
  grpcPort: number;
  service: OpenService;
  home: string;
  config: Config;
  /** The lines of the log so far. */
  log: Record<string, unknown>[];
  /** The same as text. */
  logText: string[];
  /** As the token of `as`, when there is one. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  get(path: string, init?: RequestInit): Promise<Answer>;
  /** Sends the body as JSON; a text is sent as it is. */
  post(path: string, body?: unknown, init?: RequestInit): Promise<Answer>;
  put(path: string, body?: unknown, init?: RequestInit): Promise<Answer>;
  delete(path: string, init?: RequestInit): Promise<Answer>;
  close(): Promise<void>;
}

/** A server on ports of its own, in a folder of its own; both are gone after the test. */
export async function startServer(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const { config: more, maxJobs = 0, as, prepare, ...rest } = options;
  const home = more?.home ?? (await temporaryFolder(t));
  const config: Config = { ...more, home };
  const log: Record<string, unknown>[] = [];
  const logText: string[] = [];
  const write = (line: string) => {
    log.push(JSON.parse(line));
    logText.push(line);
  };
  let token: string | undefined;
  const open = async () => {
    const service = await openService(config, {
      log: logTo({ write }, 'debug'),
      maxJobs,
      openSupervisor,
    });
    if (as) token = tokensIn(service.store).create(as, as);
    await prepare?.(service);
    return service;
  };
  const server = await serve({ host: '127.0.0.1', port: 0, ...rest, config, open });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= server.close({ drain: false });
    return closing;
  };
  atEnd(t, close);
  const fetchAs = (path: string, init: RequestInit = {}) => {
    const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...init.headers };
    return fetch(`${server.url}${path}`, { ...init, headers });
  };
  const send = async (method: string, path: string, body?: unknown, init: RequestInit = {}) => {
    const headers = { ...(body !== undefined && { 'content-type': 'application/json' }), ...init.headers };
    const sent = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    return answerOf(await fetchAs(path, { ...init, method, headers, body: sent }));
  };
  return {
    url: server.url,
    grpcPort: server.grpcPort ?? 0,
    service: server.service,
    home,
    config,
    log,
    logText,
    fetch: fetchAs,
    get: (path, init) => send('GET', path, undefined, init),
    post: (path, body, init) => send('POST', path, body, init),
    put: (path, body, init) => send('PUT', path, body, init),
    delete: (path, init) => send('DELETE', path, undefined, init),
    close,
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const { status, headers } = response;
  return { status, headers, text, body: isJson ? JSON.parse(text) : undefined };
}
