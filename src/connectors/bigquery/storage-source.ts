/** Rows of a table by the Storage Read API: several streams side by side, each with its own offset. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { protos } from '@google-cloud/bigquery-storage';
import type { TableName } from '../../cloud/warehouse/names.ts';
import type { Batch } from '../../engine/batch.ts';
import type { Json, Source, StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { encodePayloads } from '../../formats/payloads.ts';
import { type AvroRows, avroRows } from './avro-rows.ts';
import { delayMs, isNotFound, messageOf, PATIENT, retrying, verdictOf } from './retry.ts';
import { makeReader, tablePath } from './storage-client.ts';

type Answer = protos.google.cloud.bigquery.storage.v1.IReadRowsResponse;

interface StreamPosition {
  name: string;
  /** The row that comes next. */
  offset: number;
  /** The length of the rows before it, which names the next ones. */
  bytes: number;
  done: boolean;
}

interface Position {
  schema: string;
  streams: StreamPosition[];
}

export interface TableRead {
  /** Asked for where no checkpoint knows of a session. */
  table(): Promise<TableName>;
  fields?: readonly string[];
  restriction?: string;
  /** An emulator has one stream, and knows no offsets. */
  emulated: boolean;
}

const MAX_STREAMS = 4;
/** The client would begin again where it began, and not where it broke off. */
const ONCE = { retry: null, retryRequestOptions: { retries: 0, noResponseRetries: 0 } } as unknown as object;

export async function openStorageSource(
  read: TableRead,
  project: string,
  context: StageContext,
): Promise<Source> {
  const client = await makeReader(context.config, project);
  const position =
    (context.restored as unknown as Position | undefined) ??
    (context.worker.index > 0 ? { schema: '', streams: [] } : await startSession());
  const decode: AvroRows = position.schema === '' ? () => [] : avroRows(position.schema);
  const open = position.streams.filter(({ done }) => !done).map(openStream);

  return {
    async read(signal) {
      while (open.length > 0) {
        const next = await orIdle(Promise.race(open.map(stream => stream.next)), signal);
        if (next === 'idle') return next;
        const { stream, texts } = next;
        if (texts instanceof Error) throw texts;
        if (texts === undefined) {
          stream.position.done = true;
          open.splice(open.indexOf(stream), 1);
          continue;
        }
        stream.advance();
        if (texts.length > 0) return batchOf(stream.position, texts);
      }
      return 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json => structuredClone(position) as unknown as Json,
    async close() {
      for (const stream of open) stream.stop();
      await client.close();
    },
  };

  async function startSession(): Promise<Position> {
    const table = tablePath(await read.table());
    const [session] = await retrying(() =>
      client.createReadSession({
        parent: `projects/${project}`,
        readSession: {
          table,
          dataFormat: 'AVRO',
          readOptions: {
            ...(read.fields && { selectedFields: [...read.fields] }),
            ...(read.restriction !== undefined && { rowRestriction: read.restriction }),
          },
        },
        maxStreamCount: read.emulated ? 1 : MAX_STREAMS,
      }),
    ).catch(error => {
      throw error instanceof SluiceError
        ? error
        : new SluiceError('BIGQUERY_REFUSED', `${table} cannot be read: ${messageOf(error)}`);
    });
    const streams = (session.streams ?? []).map(({ name }) => ({
      name: name ?? '',
      offset: 0,
      bytes: 0,
      done: false,
    }));
    return { schema: session.avroSchema?.schema ?? '', streams };
  }

  /** One answer is fetched ahead, no more. */
  function openStream(at: StreamPosition) {
    let fetched = at.offset;
    let answers = connect();
    const stream = {
      position: at,
      next: pull(),
      advance() {
        stream.next = pull();
      },
      stop: () => answers.source.destroy(),
    };
    return stream;

    function connect() {
      const source = client.readRows({ readStream: at.name, offset: read.emulated ? 0 : fetched }, ONCE);
      // Else what fails between two reads would be nobody's error.
      source.on('error', () => {});
      const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Answer>;
      return { source, iterator, skip: read.emulated ? fetched : 0 };
    }

    async function pull(): Promise<{ stream: typeof stream; texts: string[] | Error | undefined }> {
      for (let attempt = 0; ; attempt++) {
        try {
          const { value, done } = await answers.iterator.next();
          if (done) return { stream, texts: undefined };
          const bytes = Buffer.from((value.avroRows?.serializedBinaryRows ?? []) as Uint8Array);
          const all = decode(bytes, Number(value.rowCount ?? 0));
          const texts = all.slice(answers.skip);
          answers.skip = Math.max(0, answers.skip - all.length);
          fetched += texts.length;
          return { stream, texts };
        } catch (error) {
          if (verdictOf(error) !== 'retry' || attempt >= PATIENT)
            return { stream, texts: explain(error, at.name) };
          await sleep(delayMs(attempt));
          answers = connect();
        }
      }
    }
  }

  function batchOf(at: StreamPosition, texts: string[]): Batch {
    const path = `${context.keptAs.jobId}/${context.keptAs.stage}/${at.name}`;
    const batch = { count: texts.length, ...encodePayloads(texts), origin: { path, offset: at.bytes } };
    at.offset += texts.length;
    at.bytes += batch.bytes.length;
    return batch;
  }
}

async function orIdle<T>(work: Promise<T>, signal: AbortSignal): Promise<T | 'idle'> {
  if (signal.aborted) return 'idle';
  const interrupted = Promise.withResolvers<'idle'>();
  const stop = () => interrupted.resolve('idle');
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([work, interrupted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function explain(error: unknown, stream: string): Error {
  if (isNotFound(error))
    return new SluiceError(
      'CHECKPOINT_UNUSABLE',
      `BigQuery no longer has the stream ${stream}, which it keeps for some hours: launch the job anew`,
    );
  const code = verdictOf(error) === 'login' ? 'AUTHENTICATION_FAILED' : 'SERVICE_UNREACHABLE';
  return new SluiceError(code, `BigQuery's Storage API: ${messageOf(error)}`, { cause: error });
}
