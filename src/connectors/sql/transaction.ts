/**
 * Rows in a transaction that lasts from one checkpoint to the next, so that the database itself says of each row at
 * once whether it takes it. What it has taken is kept in a file too: should the transaction be lost, it is written
 * again. The job's position is a row of the same transaction, and its first: whoever repeats one that did go through
 * finds it there, or waits for it.
 */
import type { StageContext } from '../../engine/component.ts';
import { SluiceError } from '../../errors.ts';
import { messageOf } from './answers.ts';
import type { BlockFile } from './block-file.ts';
import type { SqlConnection } from './connection.ts';
import { connectTo, type Database, nameFailure } from './database.ts';
import type { Positions } from './positions.ts';
import { retrying, verdictOf } from './retry.ts';
import { type Block, type Lines, linesOf, type RowWriter } from './row-writer.ts';

export interface Refusal {
  index: number;
  message: string;
}

export interface RowTransaction {
  /** Writes the blocks; gives the rows that the database refuses. */
  write(blocks: readonly Block[]): Promise<Refusal[]>;
  /** Makes a segment count, once: what the file holds, whatever became of the transaction. */
  commit(segment: number): Promise<void>;
  close(): Promise<void>;
}

/** @param segmentOf number and file of the segment under way */
export function rowTransaction(
  database: Database,
  writer: RowWriter,
  positions: Positions,
  segmentOf: () => { segment: number; file: BlockFile },
  { report }: Pick<StageContext, 'report'>,
): RowTransaction {
  let connection: SqlConnection | undefined;
  let isOpen = false;

  const forget = async () => {
    await connection?.close().catch(() => {});
    connection = undefined;
    isOpen = false;
  };
  /** False when the segment has been committed before. */
  const begin = async (segment: number, file: BlockFile): Promise<boolean> => {
    if (isOpen) return true;
    connection ??= await connectTo(database, true);
    await connection.query('START TRANSACTION');
    if (!(await positions.claim(connection, segment))) {
      await connection.query('ROLLBACK');
      return false;
    }
    await writer.begin?.(connection);
    for await (const { head, lines } of file.blocks()) {
      await applyAgain(connection, writer, head, lines);
      await writer.applied?.(connection);
    }
    isOpen = true;
    return true;
  };
  /** Runs in a transaction, and once more from its beginning when that is lost. */
  const persist = <T>(work: () => Promise<T>): Promise<T> =>
    retrying(
      async () => {
        try {
          return await work();
        } catch (error) {
          await forget();
          throw error;
        }
      },
      undefined,
      (error, attempt) => {
        const { message } = nameFailure(database.address, error);
        report(
          attempt === 0 ? 'INFO' : 'WARNING',
          `${message}; the rows since the last checkpoint are written again`,
        );
      },
    ).catch(error => {
      throw isOurs(error) ? error : nameFailure(database.address, error);
    });

  return {
    async write(blocks) {
      const refused = await persist(async () => {
        const { segment, file } = segmentOf();
        await begin(segment, file);
        const found: Refusal[] = [];
        for (const block of blocks)
          if (connection) await applyBlock(connection, writer, block, 0, block.indices.length, found);
        return found;
      });
      const { file } = segmentOf();
      const bad = new Set(refused.map(({ index }) => index));
      for (const block of blocks)
        await file.append(block.head, bad.size === 0 ? block.lines : linesWithout(block, bad));
      return refused;
    },
    async commit(segment) {
      await persist(async () => {
        const { file } = segmentOf();
        if (!(await begin(segment, file))) return;
        await connection?.query('COMMIT');
        isOpen = false;
      });
    },
    close: forget,
  };
}

const isOurs = (error: unknown): boolean =>
  error instanceof SluiceError ||
  (error instanceof Error && 'syscall' in error && !('sqlMessage' in error) && verdictOf(error) !== 'retry');

/** Applies lines `[from, to)`; where they are refused, ever smaller parts of them, until the guilty ones are alone. */
async function applyBlock(
  connection: SqlConnection,
  writer: RowWriter,
  block: Block,
  from: number,
  to: number,
  refused: Refusal[],
): Promise<void> {
  if (from >= to) return;
  const isAll = to - from === block.indices.length;
  const lines = isAll ? block.lines : linesOf(block.lines.texts.slice(from, to));
  const error = await tryLines(connection, writer, block.head, lines);
  if (error === undefined) return;
  if (to - from === 1) {
    refused.push({ index: block.indices[from] ?? 0, message: messageOf(error) });
    return;
  }
  const guilty = writer.guilty?.(error);
  if (guilty !== undefined && guilty < to - from) {
    const at = from + guilty;
    await applyBlock(connection, writer, block, from, at, refused);
    await applyBlock(connection, writer, block, at, at + 1, refused);
    await applyBlock(connection, writer, block, at + 1, to, refused);
    return;
  }
  const middle = (from + to) >> 1;
  await applyBlock(connection, writer, block, from, middle, refused);
  await applyBlock(connection, writer, block, middle, to, refused);
}

/** Gives why the lines are refused; throws what is no fault of theirs. */
async function tryLines(
  connection: SqlConnection,
  writer: RowWriter,
  head: string,
  lines: Lines,
): Promise<Error | undefined> {
  connection.defer('SAVEPOINT sluice');
  try {
    await writer.apply(connection, head, lines);
  } catch (error) {
    if (verdictOf(error) !== 'element' || !(error instanceof Error)) throw error;
    await connection.query('ROLLBACK TO SAVEPOINT sluice');
    return error;
  }
  connection.defer('RELEASE SAVEPOINT sluice');
  await writer.applied?.(connection);
  return undefined;
}

/** What was taken once is refused now: somebody else has changed the table, or written the same keys. */
async function applyAgain(
  connection: SqlConnection,
  writer: RowWriter,
  head: string,
  lines: Lines,
): Promise<void> {
  try {
    await writer.apply(connection, head, lines);
  } catch (error) {
    if (verdictOf(error) !== 'element' || !(error instanceof Error)) throw error;
    throw new SluiceError(
      'SQL_REFUSED',
      `rows that the database had taken before its transaction was lost are refused now: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function linesWithout({ lines, indices }: Block, bad: ReadonlySet<number>): Lines {
  return linesOf(lines.texts.filter((_, i) => !bad.has(indices[i] ?? 0)));
}
