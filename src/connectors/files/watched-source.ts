/** Files as a stream: looks for new ones for ever, and reads each once. Which were read is the position. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject } from '../../cloud/objects/locate.ts';
import { statObject } from '../../cloud/objects/objects.ts';
import type { Batch } from '../../engine/batch.ts';
import type { Json, Source, StageContext } from '../../engine/component.ts';
import { BEGINNING_OF_TIME } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { interruptible } from './interruptible.ts';
import { type LineReader, openLines } from './line-reader.ts';
import {
  bytesLeft,
  type FileRange,
  type InputCompression,
  type InputFile,
  listFiles,
  requireUnchanged,
} from './list.ts';

/** A file that changed so lately may still be written. */
const SETTLED_MS = 1000;

interface Position {
  /** Paths of the files that were read, as far as they are still there. */
  done: string[];
  current?: { range: FileRange; offset: number };
}

export async function openWatchedFiles(
  pattern: string,
  compression: InputCompression,
  intervalMs: number,
  context: StageContext,
): Promise<Source> {
  const restored = context.restored as unknown as Position | undefined;
  let done = new Set(restored?.done);
  let waiting: InputFile[] = [];
  let current: { range: FileRange; reader: LineReader } | undefined;
  let nextLook = 0;
  let watermark = BEGINNING_OF_TIME;
  if (restored?.current) {
    const { range, offset } = restored.current;
    await requireUnchanged([range]);
    current = { range, reader: await openLines(range, context.config, offset) };
  }

  const look = async () => {
    const all = await listed(pattern, compression, context);
    const mine = all.filter(({ path }) => isMine(path, context.worker));
    const fresh = mine.filter(({ path }) => !done.has(path));
    waiting = settled(fresh);
    nextLook = Date.now() + (waiting.length < fresh.length ? Math.min(SETTLED_MS, intervalMs) : intervalMs);
    const there = new Set(all.map(({ path }) => path));
    done = new Set([...done].filter(path => there.has(path)));
  };

  const openNext = async () => {
    const file = waiting.shift();
    if (!file) return;
    done.add(file.path);
    const range = { ...file, start: 0, end: file.size };
    const reader = await openLines(range, context.config).catch(error => {
      // It went away again between the look and now.
      context.report('WARNING', error instanceof Error ? error.message : String(error));
      return undefined;
    });
    current = reader && { range, reader };
  };

  /** The next lines; none also of an object that another has replaced before it was begun: the next look finds that. */
  const nextLines = async () => {
    try {
      return await current?.reader.next();
    } catch (error) {
      if (!current || current.reader.offset > 0 || !(await isReplaced(current.range, context))) throw error;
      context.report('WARNING', error instanceof Error ? error.message : String(error));
      done.delete(current.range.path);
      return undefined;
    }
  };

  const source: Source = {
    async read(signal) {
      for (;;) {
        const batch = await nextLines();
        if (batch) {
          watermark = Date.now();
          return { ...batch, times: new Float64Array(batch.count).fill(watermark) } satisfies Batch;
        }
        await current?.reader.close();
        current = undefined;
        if (waiting.length > 0) await openNext();
        else if (Date.now() >= nextLook) await look();
        else {
          await sleep(nextLook - Date.now(), undefined, { signal }).catch(() => {});
          watermark = Date.now();
          if (signal.aborted || Date.now() < nextLook) return 'idle';
          await look();
          if (waiting.length === 0) return 'idle';
        }
      }
    },
    watermark: () => watermark,
    snapshot: (): Json =>
      ({
        done: [...done],
        ...(current && { current: { range: current.range, offset: current.reader.offset } }),
      }) as unknown as Json,
    backlog: () => ({
      bytes: waiting.reduce(
        (sum, { size }) => sum + size,
        current ? bytesLeft(current.range, current.reader.offset) : 0,
      ),
    }),
    close: async () => current?.reader.close(),
  };
  return isObject(pattern, context.config) ? interruptible(source) : source;
}

/** What matches now: nothing, if that is so. */
async function listed(
  pattern: string,
  compression: InputCompression,
  { config }: StageContext,
): Promise<InputFile[]> {
  try {
    return await listFiles(pattern, compression, config);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'INPUT_NOT_FOUND') return [];
    throw error;
  }
}

/** Those that nobody is writing any more, the oldest first. Objects are whole from the beginning. */
function settled(files: readonly InputFile[]): InputFile[] {
  const now = Date.now();
  return files
    .filter(({ version, modifiedMs }) => version !== undefined || now - modifiedMs >= SETTLED_MS)
    .sort((a, b) => a.modifiedMs - b.modifiedMs);
}

async function isReplaced({ path, version }: FileRange, { config }: StageContext): Promise<boolean> {
  return version !== undefined && (await statObject(path, config))?.version !== version;
}

/** Workers share the files by their names. */
function isMine(path: string, { index, count }: StageContext['worker']): boolean {
  return createHash('sha256').update(path).digest().readUInt32BE() % count === index;
}
