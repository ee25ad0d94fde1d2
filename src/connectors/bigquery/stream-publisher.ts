/**
 * Appends segments by the Storage Write API, to a stream of the job's own, at offsets that the checkpoint knows: what is
 * repeated after a crash is at an offset that BigQuery has rows for already, and it says so.
 */

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { adapt, managedwriter } from '@google-cloud/bigquery-storage';
import { wordTable } from '../../cloud/warehouse/names.ts';
import { type Batch, payloadOf } from '../../engine/batch.ts';
import type { Json, StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { readLines } from '../../formats/read-lines.ts';
import { parseRow } from '../../formats/rows.ts';
import type { TableField } from '../../formats/table-schema.ts';
import type { BigQueryConnection } from './client.ts';
import { readyTable } from './cloud-table.ts';
import { forStorage, rowConverter } from './convert-rows.ts';
import { delayMs, isDuplicate, isNotFound, messageOf, PATIENT, retrying, verdictOf } from './retry.ts';
import { makeWriter, tablePath } from './storage-client.ts';
import type { Target } from './table-home.ts';
import type { Publisher, Segment } from './table-sink.ts';

/** Where a segment goes. */
interface Place {
  stream: string;
  offset: number;
}

/** An append that BigQuery has not answered. */
interface UnderWay {
  offset: number;
  rows: number;
  answer: Promise<Appended>;
}
type Appended = Awaited<ReturnType<ReturnType<managedwriter.JSONWriter['appendRows']>['getResult']>>;

/** Of a quarter of a megabyte each. */
const MAX_UNDER_WAY = 16;

export async function streamPublisher(
  connection: BigQueryConnection,
  target: Target,
  context: StageContext,
): Promise<Publisher> {
  const { table } = target;
  const parent = tablePath(table);
  const client = await makeWriter(context.config, connection.project);
  const { adapt, managedwriter } = await import('@google-cloud/bigquery-storage');
  let next: Place | undefined;
  let open: { stream: string; writer: managedwriter.JSONWriter } | undefined;

  return {
    async prepare(segment) {
      // A table that is new has no streams before it is made.
      const { fields } = await readyTable(connection, target, segment.fields);
      next ??= { stream: await createStream(), offset: 0 };
      return { ...next, fields: fields as unknown as Json };
    },
    async publish(segment, prepared) {
      const { fields, ...place } = prepared as unknown as Place & { fields: TableField[] };
      next = place;
      // A segment is removed once it is written: after a kill before the next checkpoint it is not there.
      if (existsSync(segment.path)) next = await append(segment, place, fields);
      else next = { ...place, offset: place.offset + segment.rows };
      return fields;
    },
    async close() {
      open?.writer.close();
      client.close();
      await client.getClient().close();
    },
  };

  async function createStream(): Promise<string> {
    return retrying(() =>
      client.createWriteStream({ streamType: managedwriter.CommittedStream, destinationTable: parent }),
    ).catch(error => {
      throw explain(error);
    });
  }

  /** Gives where the next segment goes. A piece has the same rows whenever the segment is read. */
  async function append(segment: Segment, place: Place, fields: readonly TableField[]): Promise<Place> {
    const convert = rowConverter(fields, forStorage);
    let at = { ...place };
    let begin = 0;
    for (let attempt = 0; ; attempt++) {
      const lines = await readLines(segment.path, begin, segment.length);
      const underWay: (UnderWay & { end: number })[] = [];
      const settle = async () => {
        const first = underWay[0];
        if (!first) return;
        check(await first.answer.catch(written), first.offset);
        underWay.shift();
        at = { ...at, offset: first.offset + first.rows };
        begin = first.end;
        attempt = 0;
      };
      try {
        const writer = await connect(at.stream, fields);
        let { offset } = at;
        for (let batch = await lines.next(); batch; batch = await lines.next()) {
          if (underWay.length >= MAX_UNDER_WAY) await settle();
          const rows = textsOf(batch).map(text => convert(parseRow(text)));
          const answer = writer
            .appendRows(rows as Parameters<typeof writer.appendRows>[0], offset)
            .getResult();
          // Whoever comes to it looks at it: until then it is nobody's error.
          answer.catch(() => {});
          underWay.push({ offset, rows: rows.length, answer, end: lines.offset });
          offset += rows.length;
        }
        while (underWay.length > 0) await settle();
        return at;
      } catch (error) {
        disconnect();
        if (isNotFound(error)) {
          context.report(
            'WARNING',
            `${wordTable(table)}: BigQuery no longer has the stream of the job; up to ${segment.rows} rows may be there twice`,
          );
          at = { stream: await createStream(), offset: 0 };
          continue;
        }
        if (verdictOf(error) !== 'retry' || attempt >= PATIENT) throw explain(error);
        await sleep(delayMs(attempt));
      } finally {
        await lines.close();
      }
    }
  }

  async function connect(stream: string, fields: readonly TableField[]): Promise<managedwriter.JSONWriter> {
    if (open?.stream === stream) return open.writer;
    disconnect();
    const streamConnection = await client.createStreamConnection({
      streamId: stream,
      destinationTable: parent,
    });
    // Errors come back with the appends that they concern.
    streamConnection.onConnectionError(() => {});
    const schema = adapt.convertBigQuerySchemaToStorageTableSchema({ fields: storageFields(fields) });
    const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(schema, 'row');
    open = {
      stream,
      writer: new managedwriter.JSONWriter({ connection: streamConnection, protoDescriptor }),
    };
    return open.writer;
  }

  function disconnect(): void {
    open?.writer.close();
    open = undefined;
  }

  function check({ error, rowErrors }: Appended, offset: number): void {
    const [row] = rowErrors ?? [];
    if (row)
      throw new SluiceError(
        'BIGQUERY_REFUSED',
        `${wordTable(table)} does not take the row ${offset + Number(row.index ?? 0)} of its stream: ${row.message}`,
      );
    if (!error?.code || isDuplicate(coded(error))) return;
    throw coded(error);
  }

  function explain(error: unknown): unknown {
    if (error instanceof SluiceError) return error;
    const verdict = verdictOf(error);
    const code = {
      login: 'AUTHENTICATION_FAILED',
      retry: 'SERVICE_UNREACHABLE',
      final: 'BIGQUERY_REFUSED',
    } as const;
    return new SluiceError(code[verdict], `${wordTable(table)}, Storage Write API: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

type StorageFields = NonNullable<
  Parameters<typeof adapt.convertBigQuerySchemaToStorageTableSchema>[0]['fields']
>;

const storageFields = (fields: readonly TableField[]): StorageFields =>
  fields.map(({ name, type, mode, fields: own }) => ({
    name,
    type,
    mode,
    ...(own.length > 0 && { fields: storageFields(own) }),
  }));

const textsOf = (batch: Batch): string[] =>
  Array.from({ length: batch.count }, (_, i) => payloadOf(batch, i).toString('utf8'));

/** An append may also be refused by the end of the stream. */
function written(error: unknown): Appended {
  if (isDuplicate(error)) return {};
  throw error;
}

/** What an answer carries as an error of its own. */
const coded = ({ code, message }: { code?: number | null; message?: string | null }): Error =>
  Object.assign(new Error(message ?? `status ${code}`), { code: code ?? 0 });
