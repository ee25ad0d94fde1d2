/**
 * A stand-in for the Storage Write API that keeps offsets, which the emulator does not: it answers as the comments of
 * Google's storage.proto say (ALREADY_EXISTS before the end of a stream, OUT_OF_RANGE behind it). It stores no rows, but
 * how many there are.
 */
import { createRequire } from 'node:module';
import { loadPackageDefinition, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { atEnd } from '../../helpers/at-end.ts';

const ALREADY_EXISTS = 6;
const OUT_OF_RANGE = 11;
const UNAVAILABLE = 14;
const NOT_FOUND = 5;

interface Append {
  writeStream: string;
  offset: { value: string } | null;
  protoRows: { rows: { serializedRows: Buffer[] } };
}

interface Call {
  on(event: 'data', listen: (append: Append) => void): void;
  on(event: 'end', listen: () => void): void;
  write(answer: object): void;
  emit(event: 'error', error: object): void;
  end(): void;
}

export interface WriteStreams {
  /** `host:port`. */
  address: string;
  /** How many rows each stream has. */
  rows: Map<string, number>;
  /** How often rows were sent that are there already. */
  repeated: number;
  /** Takes the rows of so many appends, and breaks the connection instead of an answer. */
  losing: number;
}

export async function serveWriteStreams(t: Parameters<typeof atEnd>[0]): Promise<WriteStreams> {
  const server = new Server();
  const state: WriteStreams = { address: '', rows: new Map(), repeated: 0, losing: 0 };
  let last = '';

  const append = (call: Call, { writeStream, offset, protoRows }: Append): void => {
    // Only the first message of a connection has to name the stream.
    last = writeStream || last;
    const end = state.rows.get(last);
    if (end === undefined) return void call.emit('error', { code: NOT_FOUND, details: `no stream ${last}` });
    const at = Number(offset?.value ?? end);
    if (at !== end) {
      if (at < end) state.repeated++;
      const error = { code: at < end ? ALREADY_EXISTS : OUT_OF_RANGE, message: `the stream ends at ${end}` };
      return void call.write({ writeStream: last, error });
    }
    state.rows.set(last, end + protoRows.rows.serializedRows.length);
    if (state.losing-- > 0) return void call.emit('error', { code: UNAVAILABLE, details: 'lost' });
    call.write({ writeStream: last, appendResult: { offset: { value: String(at) } } });
  };

  server.addService(serviceOf('google.cloud.bigquery.storage.v1.BigQueryWrite'), {
    createWriteStream(
      { request }: { request: { parent: string } },
      answer: (error: null, stream: object) => void,
    ) {
      const name = `${request.parent}/streams/${state.rows.size + 1}`;
      state.rows.set(name, 0);
      answer(null, { name, type: 'COMMITTED' });
    },
    appendRows(call: Call) {
      call.on('data', each => append(call, each));
      call.on('end', () => call.end());
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  );
  state.address = `127.0.0.1:${await promise}`;
  atEnd(t, async () => server.forceShutdown());
  return state;
}

function serviceOf(name: string): ServiceDefinition {
  const json = createRequire(import.meta.url)('@google-cloud/bigquery-storage/build/protos/protos.json');
  const found = name
    .split('.')
    .reduce<unknown>(
      (scope, part) => Reflect.get(Object(scope), part),
      loadPackageDefinition(fromJSON(json)),
    );
  return (found as { service: ServiceDefinition }).service;
}
