/** Whole files of Avro: written block by block, and read as records. */
import { open } from 'node:fs/promises';
import { type ByteSource, openByteSource } from '../byte-source.ts';
import type { RecordFile } from '../record-file.ts';
import type { AvroCodec } from './codecs.ts';
import { blockReader, blockWriter, readHeader, writeHeader } from './container.ts';

export interface AvroFileSettings {
  /** JSON. */
  schema: string;
  codec: AvroCodec;
  marker: Buffer;
}

export async function createAvro(
  path: string,
  { schema, codec, marker }: AvroFileSettings,
): Promise<RecordFile> {
  const file = await open(path, 'w');
  const block = await blockWriter(codec, marker);
  await file.appendFile(writeHeader(schema, codec, marker));
  return {
    append: async (records, count) => file.appendFile(await block(records, count)),
    end: () => file.datasync(),
    close: () => file.close(),
  };
}

/** The blocks of a file that we have written ourselves. */
export async function* blocksOf(path: string): AsyncGenerator<{ bytes: Buffer; count: number }> {
  const file: ByteSource = await openByteSource(path);
  try {
    const header = await readHeader(file);
    const read = await blockReader(file, header);
    for (let block = await read(header.bytes); block; block = await read(block.next)) yield block;
  } finally {
    await file.close();
  }
}
