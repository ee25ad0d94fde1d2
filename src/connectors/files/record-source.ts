/** Files of records as a source: one reader a file, whose position is in the checkpoint. */
import { isObject } from '../../cloud/objects/locate.ts';
import type { Batch } from '../../engine/batch.ts';
import type { Json, Source, StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { type ByteSource, readAhead } from '../../formats/byte-source.ts';
import { type Row, rowBatch } from '../../formats/rows.ts';
import { openInput } from './input.ts';
import { interruptible } from './interruptible.ts';
import { type InputFile, listFiles, requireUnchanged } from './list.ts';

export interface RecordReader {
  /** The next rows; undefined at the end. */
  next(): Promise<Row[] | undefined>;
  readonly position: Json;
}

/** @param index of the file among all of them */
export type OpenRecords = (
  file: ByteSource,
  path: string,
  index: number,
  from: Json | undefined,
) => Promise<RecordReader>;

interface Position {
  files: InputFile[];
  index: number;
  at?: Json;
}

/** @param whole a file is read by one worker; else each worker's readers take their share of each file */
export async function openRecordSource(
  pattern: string,
  { whole, open }: { whole: boolean; open: OpenRecords },
  { config, worker, restored: position }: StageContext,
): Promise<Source> {
  const restored = position as unknown as Position | undefined;
  const files = restored?.files ?? (await listFiles(pattern, 'uncompressed', config)).filter(isMine);
  if (restored) await requireUnchanged(files);
  let index = restored?.index ?? 0;
  // Opening the first file now refuses an unreadable one before anything is written.
  let current = await openFile(files[index], restored?.at);

  function isMine(_file: InputFile, i: number): boolean {
    return !whole || i % worker.count === worker.index;
  }

  async function openFile(file: InputFile | undefined, from?: Json) {
    if (!file) return undefined;
    const source = await bytesOf(file, config);
    try {
      const reader = await open(source, file.path, index, from);
      return { file, source, reader };
    } catch (error) {
      await source.close();
      throw named(file, error);
    }
  }

  const source: Source = {
    async read(): Promise<Batch | 'end'> {
      while (current) {
        const { file, source, reader } = current;
        const rows = await reader.next().catch((error: unknown) => {
          throw named(file, error);
        });
        if (rows && rows.length > 0) return rowBatch(rows);
        if (rows) continue;
        await source.close();
        index++;
        current = undefined;
        current = await openFile(files[index]);
      }
      return 'end';
    },
    watermark: () => BEGINNING_OF_TIME,
    snapshot: (): Json =>
      ({ files, index, ...(current && { at: current.reader.position }) }) as unknown as Json,
    close: async () => current?.source.close(),
  };
  return isObject(pattern, config) ? interruptible(source) : source;
}

async function bytesOf(file: InputFile, config: StageContext['config']): Promise<ByteSource> {
  const input = await openInput(file, config);
  return readAhead({
    size: file.size,
    async read(start, length) {
      // Not of the pool: parts of it may be kept for long.
      const bytes = Buffer.allocUnsafeSlow(length);
      const filled = await input.fill(bytes, start);
      if (filled < length)
        throw new SluiceError('INPUT_UNREADABLE', 'it has become shorter while it was read');
      return bytes;
    },
    close: () => input.close(),
  });
}

/** Says which file it is, where only what is wrong with it is known. */
function named({ path }: InputFile, error: unknown): unknown {
  if (!(error instanceof SluiceError) || error.code !== 'INPUT_UNREADABLE' || error.message.includes(path))
    return error;
  return new SluiceError('INPUT_UNREADABLE', `${path} cannot be read: ${error.message}`, { cause: error });
}
