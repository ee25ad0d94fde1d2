/** The sink of a database: each row is written once, however often the worker or the server is killed. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Failure, selectElements } from '../../engine/batch.ts';
import { syncDirectory } from '../../engine/checkpoint.ts';
import type { Json, Sink, StageContext } from '../../engine/component.ts';
import { makeStageFolder } from '../../engine/stage-folder.ts';
import { cutBack } from '../../engine/staged-file.ts';
import { rowsOf } from '../../formats/rows.ts';
import { blockFile } from './block-file.ts';
import type { Database } from './database.ts';
import type { Positions } from './positions.ts';
import type { RowWriter } from './row-writer.ts';
import { rowTransaction } from './transaction.ts';

interface SinkState {
  /** Its number; those before it are in the database. */
  segment: number;
  /** Of its file. */
  length: number;
}

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
  let turn: Promise<unknown> = Promise.resolve();
  /** One after the other, in the order of the batches. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  return {
    // While the database takes one, the next becomes lines.
    concurrency: 2,
    async write(batch) {
      const rows = rowsOf(batch, context.input ?? { form: 'row' });
      const refused: number[] = [];
      const failures: Failure[] = [];
      const refuse = (index: number, code: string, message: string) => {
        refused.push(index);
        failures.push({ code, message, transform: context.stage });
      };
      const blocks = writer.encode(rows, (index, { code, message }) => refuse(index, code, message));
      if (blocks.length > 0)
        for (const { index, message } of await inTurn(() => transaction.write(blocks)))
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

/** Takes back what was staged after the checkpoint. The file is gone when its rows have been committed. */
async function restoreSegment(folder: string, kept: string | undefined, length: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (path === kept) await cutBack(path, length);
    else await rm(path, { recursive: true, force: true });
  }
}
