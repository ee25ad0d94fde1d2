/** Reads a file of Avro as rows, in bounded memory, from any record. */
import type { ByteSource } from '../byte-source.ts';
import type { Row } from '../rows.ts';
import { type AvroBlock, blockReader, readHeader } from './container.ts';
import { cursorOver, malformed, requireRoom } from './cursor.ts';
import { leastBytes, rowReader } from './decode.ts';
import { parseAvroSchema } from './schema.ts';

/** Where the next record is: its block's offset, and how many of the block come before it. */
export interface AvroPosition {
  block: number;
  record: number;
}

export interface RowReader<Position> {
  /** The next rows; undefined at the end. */
  next(): Promise<Row[] | undefined>;
  /** Where the next row is. */
  readonly position: Position;
}

const MAX_ROWS = 2000;
/** So many bytes of records at a time: rows take several times as much. */
const MAX_BYTES = 1 << 20;

/** @param where what the file is called in messages */
export async function readAvro(
  file: ByteSource,
  where: string,
  from?: AvroPosition,
): Promise<RowReader<AvroPosition>> {
  const header = await readHeader(file);
  const type = parseAvroSchema(header.schema, `the schema of ${where}`);
  const readBlock = await blockReader(file, header);
  const readOne = rowReader(type);
  const isRecord = type.kind === 'record';
  const least = leastBytes(type);
  let current: { block: AvroBlock; cursor: ReturnType<typeof cursorOver>; read: number } | undefined;
  let at = from?.block ?? header.bytes;

  const open = async () => {
    const block = await readBlock(at);
    if (!block) return undefined;
    const cursor = cursorOver(block.bytes);
    requireRoom(cursor, block.count, least);
    return { block, cursor, read: 0 };
  };
  const take = ({ block, cursor }: NonNullable<typeof current>, count: number): Row[] => {
    const rows: Row[] = [];
    const enough = cursor.at + MAX_BYTES;
    while (rows.length < count && cursor.at < enough) {
      const value = readOne(cursor);
      rows.push(isRecord ? (value as Row) : { record: value });
    }
    if (current) current.read += rows.length;
    if (current?.read === block.count && cursor.at < cursor.end)
      throw malformed('a block holds more than its records');
    return rows;
  };

  if (from && from.record > 0) {
    current = await open();
    while (current && current.read < from.record) take(current, from.record - current.read);
  }
  return {
    get position() {
      return { block: at, record: current?.read ?? 0 };
    },
    async next() {
      for (;;) {
        if (current && current.read < current.block.count)
          return take(current, Math.min(MAX_ROWS, current.block.count - current.read));
        if (current) at = current.block.next;
        current = undefined;
        current = await open();
        if (!current) return undefined;
      }
    },
  };
}
