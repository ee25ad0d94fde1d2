/** Writes a file of Parquet, a row group at a time, from records of Avro. */
import { type FileHandle, open } from 'node:fs/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { cursorOver } from '../avro/cursor.ts';
import type { AvroRecord } from '../avro/schema.ts';
import type { RecordFile } from '../record-file.ts';
import { columnReader, type ParquetValue, parquetSchema } from './columns.ts';

export const parquetCodecs = ['snappy', 'gzip', 'zstd', 'none'] as const;
export type ParquetCodec = (typeof parquetCodecs)[number];

const CODECS = { snappy: 'SNAPPY', gzip: 'GZIP', zstd: 'ZSTD', none: 'UNCOMPRESSED' } as const;

export interface ParquetSettings {
  codec: ParquetCodec;
  /** A row group is closed when its records take so much, or when there are so many. */
  groupBytes: number;
}

const MAX_GROUP_ROWS = 100_000;

export async function createParquet(
  path: string,
  record: AvroRecord,
  { codec, groupBytes }: ParquetSettings,
): Promise<RecordFile> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const bytes = new ByteWriter(1 << 20);
  const writer = new ParquetWriter({
    writer: bytes,
    schema: parquetSchema(record),
    codec: CODECS[codec],
    compressors: { GZIP: each => gzipSync(each), ZSTD: each => zstdCompressSync(each) },
    createdBy: 'sluice',
  });
  const columns = record.fields.map(({ name, type }) => ({
    name,
    read: columnReader(type),
    data: [] as ParquetValue[],
  }));
  const file = await open(path, 'w');
  let rows = 0;
  let pendingBytes = 0;

  /** The writer's bytes move to the file; its offsets go on. */
  const flush = async () => {
    await writeAll(file, Buffer.from(bytes.getBytes()));
    bytes.index = 0;
  };
  const closeGroup = async () => {
    if (rows === 0) return;
    await writer.write({ columnData: columns.map(({ name, data }) => ({ name, data })), rowGroupSize: rows });
    for (const column of columns) column.data = [];
    rows = 0;
    pendingBytes = 0;
    await flush();
  };

  return {
    async append(records, count) {
      const cursor = cursorOver(records);
      for (let i = 0; i < count; i++) {
        const before = cursor.at;
        for (const { read, data } of columns) data.push(read(cursor));
        rows++;
        pendingBytes += cursor.at - before;
        if (pendingBytes >= groupBytes || rows >= MAX_GROUP_ROWS) await closeGroup();
      }
    },
    async end() {
      await closeGroup();
      await writer.finish();
      await flush();
      await file.datasync();
    },
    close: () => file.close(),
  };
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at);
    at += bytesWritten;
  }
}
