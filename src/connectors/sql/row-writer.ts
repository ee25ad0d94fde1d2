/** What a sink of a database does with rows: they become lines, and lines are applied in a transaction. */
import type { Row } from '../../formats/rows.ts';
import type { SqlConnection } from './connection.ts';

/** Lines without line ends inside, and the bytes of all of them, each followed by its end. */
export interface Lines {
  texts: readonly string[];
  bytes: Buffer;
}

/** Lines of one form, e.g. with the same columns. */
export interface Block {
  /** What it takes to apply them, as text. */
  head: string;
  lines: Lines;
  /** Which rows of the batch they are. */
  indices: number[];
}

export interface Misfit {
  code: 'SQL_NO_SUCH_COLUMN' | 'SQL_ROW_REFUSED';
  message: string;
}

export interface RowWriter {
  /** The rows in their order; those that cannot be lines are told. */
  encode(rows: readonly Row[], refuse: (index: number, why: Misfit) => void): Block[];
  /** A transaction has begun. */
  begin?(connection: SqlConnection): Promise<void>;
  /** Applies lines, all or, when it throws, none of them that count: the caller goes back to a savepoint. */
  apply(connection: SqlConnection, head: string, lines: Lines): Promise<void>;
  /** They are applied for good, as far as the transaction is. */
  applied?(connection: SqlConnection): Promise<void>;
  /** The line (from 0) that the database complains of, where it says so. */
  guilty?(error: unknown): number | undefined;
}

/** Blocks of one form as one. */
export function joinBlocks(blocks: readonly Block[]): Block {
  const [first] = blocks;
  if (first && blocks.length === 1) return first;
  return {
    head: first?.head ?? '',
    lines: {
      texts: blocks.flatMap(({ lines }) => lines.texts),
      bytes: Buffer.concat(blocks.map(({ lines }) => lines.bytes)),
    },
    indices: blocks.flatMap(({ indices }) => indices),
  };
}

export function linesOf(texts: readonly string[]): Lines {
  return { texts, bytes: Buffer.from(`${texts.join('\n')}\n`) };
}
