/** Sends rows to a table as they come, by `insertAll`: what BigQuery refuses of them fails with its reason. */
import { randomUUID } from 'node:crypto';
import { wordTable } from '../../cloud/warehouse/names.ts';
import { type Batch, type Failure, positionOf, selectElements } from '../../engine/batch.ts';
import type { Sink, StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { parseRow, rowsOf } from '../../formats/rows.ts';
import type { BigQueryConnection, InsertAnswer } from './client.ts';
import { readyTable } from './cloud-table.ts';
import { forInsert, rowConverter } from './convert-rows.ts';
import { codeOf, isNotFound, messageOf, retrying } from './retry.ts';
import type { Target } from './table-home.ts';
import { inferSchema, tableWriter } from './table-writer.ts';

/** What BigQuery advises, and less than the 10 MB that it takes. */
const MAX_ROWS = 500;
const MAX_BYTES = 5 << 20;
const UNDER_WAY = 4;

interface Waiting {
  /** The element of the batch that it comes from. */
  index: number;
  bytes: number;
  insertId: string;
  json: Record<string, unknown>;
}

export async function openInsertSink(
  connection: BigQueryConnection,
  target: Target,
  context: StageContext,
): Promise<Sink> {
  const { table } = target;
  // Of rows without a position nobody can tell, after a restart, that they are the same.
  const run = randomUUID();
  let sent = 0;
  let ready =
    (target.existing ?? target.given) ? makeReady(target.existing ?? target.given ?? []) : undefined;
  await ready;

  return {
    concurrency: UNDER_WAY,
    async write(batch) {
      if (batch.count === 0) return undefined;
      const rows = rowsOf(batch, context.input ?? { form: 'row' });
      ready ??= makeReady(inferSchema(rows));
      const { writer, convert } = await ready;
      const failures = new Map<number, Omit<Failure, 'transform'>>();
      const waiting: Waiting[] = [];
      for (const [index, row] of rows.entries()) {
        const line = writer.encode(row);
        if (typeof line !== 'string') failures.set(index, line);
        else
          waiting.push({
            index,
            bytes: line.length,
            insertId: idOf(batch, index),
            json: convert(parseRow(line)),
          });
      }
      for (const chunk of chunksOf(waiting))
        for (const [index, failure] of await send(chunk)) failures.set(index, failure);
      return failures.size > 0 ? { failed: failedOf(batch, failures, context.stage) } : undefined;
    },
    prepare: async () => null,
    commit: async () => {},
    close: async () => {},
    outputs: () => [wordTable(table)],
  };

  async function makeReady(known: Target['existing'] & object) {
    const { fields } = await readyTable(connection, target, known);
    return { writer: tableWriter(fields, false, () => {}), convert: rowConverter(fields, forInsert) };
  }

  function idOf(batch: Batch, index: number): string {
    const position = positionOf(batch, index);
    return position === undefined ? `${run}:${sent++}` : position.slice(-128);
  }

  /** Sends rows until each is written or refused; a request that is refused whole is sent in halves. */
  async function send(chunk: Waiting[]): Promise<[number, Omit<Failure, 'transform'>][]> {
    const rows = chunk.map(({ insertId, json }) => ({ insertId, json }));
    let answer: InsertAnswer;
    try {
      answer = await retrying(() => connection.insertAll(table, rows));
    } catch (error) {
      if (isNotFound(error))
        throw new SluiceError('TABLE_NOT_FOUND', `there is no table ${wordTable(table)} any more`);
      if (error instanceof SluiceError || ![400, 413].includes(Number(codeOf(error)))) throw error;
      if (chunk.length === 1) return chunk.map(({ index }) => [index, refusal(messageOf(error))]);
      const half = chunk.length >> 1;
      return [...(await send(chunk.slice(0, half))), ...(await send(chunk.slice(half)))];
    }
    return (answer.insertErrors ?? []).flatMap(({ index = 0, errors = [] }) => {
      const row = chunk[index];
      const words = errors.map(({ location, message, reason }) =>
        [location, message || reason].filter(Boolean).join(': '),
      );
      return row ? [[row.index, refusal(words.join('; '))] as [number, ReturnType<typeof refusal>]] : [];
    });
  }
}

const refusal = (message: string) => ({ code: 'BIGQUERY_ROW_REFUSED', message });

function* chunksOf(waiting: readonly Waiting[]): Generator<Waiting[]> {
  let chunk: Waiting[] = [];
  let bytes = 0;
  for (const row of waiting) {
    if (chunk.length > 0 && (chunk.length >= MAX_ROWS || bytes + row.bytes > MAX_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += row.bytes;
  }
  if (chunk.length > 0) yield chunk;
}

function failedOf(
  batch: Batch,
  failures: ReadonlyMap<number, Omit<Failure, 'transform'>>,
  transform: string,
) {
  const refused = [...failures].sort(([a], [b]) => a - b);
  return selectElements(
    batch,
    refused.map(([index]) => index),
    refused.map(([, failure]) => ({ ...failure, transform })),
  );
}
