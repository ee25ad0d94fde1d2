/** The sink of a database: each row is written once, however often the worker or the server is killed. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Failure, selectElements } from '../../engine/batch.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { Json, Sink, StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { cutBack } from '../../engine/staged-file.ts';
import { forgetRows, rowsOf } from '../../formats/rows.ts';
import { blockFile } from './block-file.ts';
import type { Database } from './database.ts';
import type { Positions } from './positions.ts';
import { type Block, joinBlocks, type RowWriter } from './row-writer.ts';
import { type Refusal, rowTransaction } from './transaction.ts';

interface SinkState {
  /** Its number; those before it are in the database. */
  segment: number;
  /** Of its file. */
  length: number;
}

/** While the database takes some, the next become lines. */
const BATCHES = 12;

/** @param outputs what was written to, for the summary */
export async function exactlyOnce(
  database: Database,
  writer: RowWriter,
  positions: Positions,
  outputs: string[],
  context: StageContext,
): Promise<Sink> {
  const folder = await makeStageFolder(context);
  const pathOf = (segment: number) => join(folder, `${segment}.rows`);
  let state = (context.restored as unknown as SinkState | undefined) ?? { segment: 1, length: 0 };
  await restoreSegment(folder, state.length > 0 ? pathOf(state.segment) : undefined, state.length);
  let file = blockFile(pathOf(state.segment), state.length);
  const transaction = rowTransaction(
    database,
    writer,
    positions,
    () => ({ segment: state.segment, file }),
    context,
  );
  const writeInTurn = gathering(blocks => transaction.write(blocks));
  return {
    concurrency: BATCHES,
    async write(batch) {
      const rows = rowsOf(batch, context.input ?? { form: 'row' });
      const refused: number[] = [];
      const failures: Failure[] = [];
      const refuse = (index: number, code: string, message: string) => {
        refused.push(index);
        failures.push({ code, message, transform: context.stage });
      };
      const blocks = writer.encode(rows, (index, { code, message }) => refuse(index, code, message));
      forgetRows(batch);
      if (blocks.length > 0)
        for (const { index, message } of await writeInTurn(blocks, batch.count))
          refuse(index, 'SQL_ROW_REFUSED', message);
      return refused.length > 0 ? { failed: selectElements(batch, refused, failures) } : undefined;
    },
    async prepare(): Promise<Json> {
      const length = await file.sync();
      if (length > state.length) await syncDirectory(folder);
      state = { segment: state.segment, length };
      return state as unknown as Json;
    },
    async commit() {
      if (state.length === 0) return;
      await transaction.commit(state.segment);
      await rm(pathOf(state.segment), { force: true });
      state = { segment: state.segment + 1, length: 0 };
      file = blockFile(pathOf(state.segment), 0);
    },
    outputs: () => outputs,
    async close(ended) {
      await transaction.close();
      if (!ended) return;
      // The position stays: a worker killed before its last word comes by again, and finds that all is written.
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Writes blocks in the order in which they are given. While some are under way others gather, and are written together:
 * the database would rest for as long as this process is busy with the rows that follow. Where rows are refused, the
 * next blocks go by themselves, since then each part is tried again.
 */
function gathering(
  write: (blocks: readonly Block[]) => Promise<Refusal[]>,
): (blocks: readonly Block[], count: number) => Promise<Refusal[]> {
  const waiting: (Waiting & PromiseWithResolvers<Refusal[]>)[] = [];
  let isWriting = false;
  let mayGather = true;

  const writeAll = async () => {
    isWriting = true;
    while (waiting.length > 0) {
      const together = waiting.splice(0, mayGather ? waiting.length : 1);
      try {
        const refused = await write(merge(together));
        mayGather = refused.length === 0;
        for (const [i, each] of split(together, refused).entries()) together[i]?.resolve(each);
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
    isWriting = false;
  };

  return (blocks, count) => {
    const mine = { blocks, count, ...Promise.withResolvers<Refusal[]>() };
    waiting.push(mine);
    if (!isWriting) void writeAll();
    return mine.promise;
  };
}

interface Waiting {
  blocks: readonly Block[];
  /** Of the rows of the batch. */
  count: number;
}

/** One block of neighbours of one form; their indices count on. */
function merge(waiting: readonly Waiting[]): Block[] {
  let before = 0;
  const merged: Block[][] = [];
  for (const { blocks, count } of waiting) {
    for (const { head, lines, indices } of blocks) {
      const block = { head, lines, indices: indices.map(index => index + before) };
      if (merged.at(-1)?.[0]?.head === head) merged.at(-1)?.push(block);
      else merged.push([block]);
    }
    before += count;
  }
  return merged.map(joinBlocks);
}

function split(waiting: readonly Waiting[], refused: readonly Refusal[]): Refusal[][] {
  let before = 0;
  return waiting.map(({ count }) => {
    const from = before;
    before += count;
    return refused
      .filter(({ index }) => index >= from && index < before)
      .map(({ index, message }) => ({ index: index - from, message }));
  });
}

/** Takes back what was staged after the checkpoint. The file is gone when its rows have been committed. */
async function restoreSegment(folder: string, kept: string | undefined, length: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path === kept) await cutBack(path, length);
    else await rm(path, { recursive: true, force: true });
  }
}
