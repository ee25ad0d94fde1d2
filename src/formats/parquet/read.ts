/** Reads a file of Parquet as rows, some of a row group at a time. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Compressors, FileMetaData } from 'hyparquet';
import { SluiceError } from '../../errors.ts';
import { malformed } from '../avro/cursor.ts';
import type { ByteSource } from '../byte-source.ts';
import type { Row, RowValue } from '../rows.ts';
import { bareSchema, convertOf } from './values.ts';

export interface ParquetFile {
  /** How many rows each row group has. */
  groups: readonly number[];
  /** Rows of a group, from the one at `from` on: as many as fit into memory well, at least one. */
  read(group: number, from: number): Promise<Row[]>;
}

/** The head and the tail of a file. */
const MAGIC = 'PAR1';
const MAX_FOOTER_BYTES = 1 << 26;
/** A page that claims more is a bomb. */
const MAX_PAGE_BYTES = 1 << 28;
/** What is read of a row group at a time, going by what the group says it holds. */
const SLICE_BYTES = 1 << 25;
const MAX_ROWS = 20_000;

/** @param columns those that are wanted; absent: all. @throws SluiceError INPUT_UNREADABLE */
export async function openParquet(source: ByteSource, columns?: readonly string[]): Promise<ParquetFile> {
  await requireFooter(source);
  const { parquetMetadataAsync, parquetRead, parquetSchema } = await import('hyparquet');
  const compressors = await openCompressors();
  const file = {
    byteLength: source.size,
    async slice(start: number, end = source.size): Promise<ArrayBuffer> {
      const bytes = await source.read(start, end - start);
      return Uint8Array.from(bytes).buffer;
    },
  };
  const metadata = await understood(() => parquetMetadataAsync(file));
  const converters = await understood(async () => {
    const { children } = parquetSchema(metadata);
    return new Map(children.map(child => [child.element.name, convertOf(child)]));
  });
  requireColumns(converters, columns);
  const bare: FileMetaData = { ...metadata, schema: bareSchema(metadata.schema) };
  const groups = metadata.row_groups.map(({ num_rows: rows }) => rowsOf(rows));
  let rowsBefore = 0;
  const starts = groups.map(rows => {
    rowsBefore += rows;
    return rowsBefore - rows;
  });

  return {
    groups,
    async read(group, from) {
      const rows = groups[group] ?? 0;
      const bytes = Number(metadata.row_groups[group]?.total_byte_size ?? 0);
      const slice = Math.max(1, Math.min(MAX_ROWS, Math.floor((rows * SLICE_BYTES) / Math.max(1, bytes))));
      const rowStart = (starts[group] ?? 0) + from;
      const found: Record<string, unknown>[] = [];
      await understood(() =>
        parquetRead({
          file,
          metadata: bare,
          rowStart,
          rowEnd: rowStart + Math.min(slice, rows - from),
          rowFormat: 'object',
          utf8: false,
          geoparquet: false,
          compressors,
          parsers: { timestampFromNanoseconds: nanos => nanos },
          ...(columns && { columns: [...columns] }),
          onComplete: each => found.push(...each),
        }),
      );
      return found.map(each => {
        const row: Row = {};
        for (const name of Object.keys(each))
          row[name] = converters.get(name)?.(each[name]) ?? (null satisfies RowValue);
        return row;
      });
    },
  };
}

async function requireFooter(source: ByteSource): Promise<void> {
  const isShort = source.size < 12;
  const tail = isShort ? Buffer.alloc(8) : await source.read(source.size - 8, 8);
  if (isShort || tail.toString('latin1', 4) !== MAGIC)
    throw malformed('it is no file of Parquet, or it is broken off');
  const length = tail.readUInt32LE();
  if (length > MAX_FOOTER_BYTES || length > source.size - 12)
    throw malformed(`its footer cannot have ${length} bytes`);
}

function requireColumns(known: ReadonlyMap<string, unknown>, wanted: readonly string[] = []): void {
  if (known.has('__proto__')) throw malformed('a column cannot be called __proto__');
  const missing = wanted.find(name => !known.has(name));
  if (missing !== undefined)
    throw malformed(`it has no column ${missing}; there are ${[...known.keys()].join(', ').slice(0, 500)}`);
}

function rowsOf(count: bigint): number {
  const rows = Number(count);
  if (Number.isSafeInteger(rows) && rows >= 0) return rows;
  throw malformed(`a row group cannot have ${count} rows`);
}

/** Whatever the library stumbles over is the file's fault. */
async function understood<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw malformed(`it is not sound Parquet: ${error instanceof Error ? error.message : error}`);
  }
}

async function openCompressors(): Promise<Compressors> {
  const { compressors } = await import('hyparquet-compressors');
  const limit = { maxOutputLength: MAX_PAGE_BYTES };
  const { SNAPPY, LZ4, LZ4_RAW } = compressors;
  return {
    GZIP: bytes => gunzipSync(bytes, limit),
    ZSTD: bytes => zstdDecompressSync(bytes, limit),
    BROTLI: bytes => brotliDecompressSync(bytes, limit),
    ...(SNAPPY && { SNAPPY: bounded(SNAPPY) }),
    ...(LZ4 && { LZ4: bounded(LZ4) }),
    ...(LZ4_RAW && { LZ4_RAW: bounded(LZ4_RAW) }),
  };
}

type Decompress = NonNullable<Compressors['SNAPPY']>;

/** These make room for what a page claims before they look at it. */
function bounded(decompress: Decompress): Decompress {
  return (bytes, length) => {
    if (length > MAX_PAGE_BYTES) throw malformed(`a page has more than ${MAX_PAGE_BYTES >> 20} MiB`);
    return decompress(bytes, length);
  };
}
