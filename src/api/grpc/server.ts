/** The API over gRPC, which Dataflow's own clients speak by default: a thin front of the same operations. */
import { randomUUID } from 'node:crypto';
import type { handleUnaryCall, Server, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Authenticate } from '../../access/authenticate.ts';
import { requireNoJob } from '../../access/job-networks.ts';
import type { Caller } from '../../access/roles.ts';
import { errorKinds, SluiceError } from '../../errors.ts';
import type { Service } from '../../service/service.ts';
import { callOperation } from '../call.ts';
import { asApiError } from '../errors.ts';
import { type Converter, converterFor } from './convert.ts';
import { loadProtocol, PACKAGE, type Protocol } from './protocol.ts';
import { statusOf } from './status.ts';
import { type MethodDefinition, partsOf, type Route, routeOf } from './transcode.ts';

export interface GrpcOptions {
  service: Service;
  host: string;
  /** 0: any free one. */
  port: number;
  authenticate: Authenticate;
}

export interface GrpcServer {
  port: number;
  /** Takes no more calls; those under way may come to their end for a while. */
  close(): Promise<void>;
}

/** The services that Dataflow's clients know. */
const SERVICES = [
  'TemplatesService',
  'FlexTemplatesService',
  'JobsV1Beta3',
  'MessagesV1Beta3',
  'MetricsV1Beta3',
  'SnapshotsV1Beta3',
];

const MAX_REQUEST_BYTES = 1 << 20;
const MAX_CONCURRENT_CALLS = 100;
const GRACE_MS = 5000;

/** @throws SluiceError ADDRESS_IN_USE */
export async function startGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const [grpc, protocol] = await Promise.all([import('@grpc/grpc-js'), loadProtocol()]);
  const front: Front = { ...options, protocol, convert: converterFor(protocol) };
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_CALLS,
  });
  for (const name of SERVICES) {
    const definition = protocol.services.get(name);
    if (!definition) throw new SluiceError('LIBRARY_MISSING', `@google-cloud/dataflow describes no ${name}`);
    const calls = Object.entries(definition).map(([method, each]) => [method, callOf(front, each)] as const);
    server.addService(definition, Object.fromEntries(calls) as UntypedServiceImplementation);
  }
  const { host, port } = options;
  const bound = await bind(server, host, port, grpc.ServerCredentials.createInsecure());
  return { port: bound, close: () => close(server) };
}

interface Front extends GrpcOptions {
  protocol: Protocol;
  convert: Converter;
}

function callOf(front: Front, definition: MethodDefinition): handleUnaryCall<object, object> {
  const route = routeOf(definition);
  return (call, callback) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const { metadata, request } = call;
    const headers = Object.fromEntries(
      Object.entries(metadata.getMap()).map(([name, value]) => [name, value.toString()]),
    );
    const made: Call = {
      route,
      definition,
      headers,
      request,
      peer: call.getPeer(),
      signal: gone.signal,
      requestId: randomUUID(),
      began: performance.now(),
    };
    perform(front, made).then(
      message => {
        note(front, made);
        callback(null, message);
      },
      (thrown: unknown) => {
        note(front, made, asApiError(thrown));
        callback(statusOf(thrown, made.requestId, front.protocol));
      },
    );
  };
}

interface Call {
  route: Route | undefined;
  definition: MethodDefinition;
  headers: Record<string, string>;
  request: object;
  /** `address:port`. */
  peer: string;
  signal: AbortSignal;
  requestId: string;
  began: number;
  /** Known once it is known who calls. */
  caller?: Caller;
}

async function perform({ service, authenticate, convert }: Front, call: Call): Promise<object> {
  const { route, definition, headers, request, peer, signal } = call;
  requireNoJob(peer);
  const caller = authenticate(headers);
  call.caller = caller;
  if (!route) throw new SluiceError('NOT_IMPLEMENTED', `${definition.path} is not served`);
  const json = convert.toJson(typeOf(definition.requestType), request);
  const answer = await callOperation(route.operation, { ...partsOf(route, json), caller, signal }, service);
  return convert.toMessage(typeOf(definition.responseType), answer);
}

const typeOf = ({ type }: MethodDefinition['requestType']): string =>
  `${PACKAGE}.${(type as { name?: string }).name}`;

/** A line in the log, as for a request over HTTP. */
function note({ service: { log, metrics } }: Front, call: Call, error?: SluiceError): void {
  const { route, definition, request, requestId, began, caller } = call;
  const status = error ? errorKinds[error.code].http : 200;
  const milliseconds = performance.now() - began;
  if (route) metrics.noteRequest(route.operation.id, status, milliseconds / 1000);
  const { jobId } = request as { jobId?: string };
  const line = {
    requestId,
    method: definition.path,
    status,
    milliseconds: Math.round(milliseconds),
    ...(caller && { caller: caller.name }),
    ...(route && { operation: route.operation.id }),
    ...(jobId && { jobId }),
  };
  if (error?.code === 'INTERNAL') log.error({ ...line, err: error.cause ?? error }, 'call');
  else log.info(line, 'call');
}

function bind(
  server: Server,
  host: string,
  port: number,
  credentials: Parameters<Server['bindAsync']>[1],
): Promise<number> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (!error) resolve(bound);
      else
        reject(
          new SluiceError('ADDRESS_IN_USE', `${address} cannot be used for gRPC: ${error.message}`, {
            cause: error,
          }),
        );
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => server.forceShutdown(), GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
