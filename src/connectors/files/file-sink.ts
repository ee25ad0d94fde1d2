/** The file sink: lines of bytes into windowed, sharded files, each seen only once it is whole. */
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Batch, selectElements } from '../../engine/batch.ts';
import type { Json, Sink, StageContext, Windowing } from '../../engine/component.ts';
import { cutBack, type Pack } from '../../engine/staged-file.ts';
import { BEGINNING_OF_TIME, fixedWindowStart, windowsOf } from '../../engine/time.ts';
import { SluiceError } from '../../errors.ts';
import { type Destination, openDestination } from './destination.ts';
import { fileName, type Naming } from './file-naming.ts';
import { mapInParallel } from './in-parallel.ts';
import { createPanes, type PaneState, type SealedFile, type WindowKey } from './panes.ts';

export interface FileSinkSettings {
  naming: Naming;
  /** 0: one for each worker. */
  numShards: number;
  /** A batch job has this file in any case, and it replaces what has its name. */
  single?: boolean;
  /** What becomes of the bytes on their way into a file: compressed, or blocks of a container. */
  pack?: Pack;
  /** What each file begins with; asked for when its first element has been encoded. */
  header?(): Buffer;
  /** Makes the file that is published of a staged one that is complete, in the same folder; gives its path. */
  finish?(staged: string): Promise<string>;
  /** A batch as the bytes of its elements, and the elements that have none. */
  encode(batch: Batch): { bytes: Buffer; failed?: Batch };
}

/** What a checkpoint knows of the output. */
interface SinkState {
  open: PaneState[];
  sealed: SealedFile[];
  /** The files published last, for the summary. */
  published: string[];
  /** The files that had the names of the results when the job began. */
  before: Record<string, string>;
}

const MAX_LISTED = 1000;

/** @throws SluiceError OUTPUT_UNWRITABLE when the folder cannot be made or written */
export async function openFileSink(settings: FileSinkSettings, context: StageContext): Promise<Sink> {
  const { naming, encode } = settings;
  const { windowing, worker, keptAs } = context;
  const shards = shardsOf(settings.numShards, context);
  const mine = `${createHash('sha256').update(keptAs.stage).digest('hex').slice(0, 12)}.`;
  const stagedPath = (window: WindowKey, late: boolean, shard: number) =>
    join(folder, `${mine}${window}${late ? '.late' : ''}.${shard}`);
  const windows = windowing.type === 'fixed' || windowing.type === 'sliding' ? windowing : undefined;
  const windowMs = windows?.sizeMs ?? 0;
  if (windowing.type === 'sessions' && context.streaming)
    throw new SluiceError(
      'PIPELINE_INVALID',
      `${context.stage}: a stream has no files for each session: put a WindowInto with fixed windows before it`,
    );

  const destination = await openDestination(naming, context);
  const { folder } = destination;
  const restored = restoredIn(folder, context);
  await restoreStaged(restored, folder, mine, stagedPath);
  const panes = createPanes(
    {
      stagedPath,
      shards,
      windowMs,
      ...(settings.pack && { pack: settings.pack }),
      ...(settings.header && { header: settings.header }),
      ...(settings.finish && { finish: settings.finish }),
    },
    restored?.open,
  );
  let watermark = BEGINNING_OF_TIME;
  let sealed = restored?.sealed ?? [];
  let published = restored?.published ?? [];

  const nameOf = ({ window, late, shard }: SealedFile, attempt: number): string => {
    const span = window === 'global' ? undefined : { start: window, end: window + windowMs };
    const pane = { index: attempt + (late ? 1 : 0), late };
    const count = settings.numShards || worker.count;
    const distinct = attempt === 0 || naming.shardTemplate.includes('P');
    const suffix = distinct ? naming.suffix : `-pane-${pane.index}${naming.suffix}`;
    return destination.place(fileName({ ...naming, suffix }, { index: shard, count }, span, pane));
  };

  // Results of a batch job replace those of its last run; dead letters never replace others.
  const replacing = !windows && !context.streaming && (!context.deadLetter || settings.single);
  const results = shards.map(shard => nameOf({ staged: '', window: 'global', late: false, shard }, 0));
  const before = restored?.before ?? (replacing ? await identitiesOf(results, destination) : {});

  return {
    async write(batch) {
      const { bytes, failed } = encode(batch);
      if (!windows || !batch.times) {
        const count = batch.count - (failed?.count ?? 0);
        if (count > 0) await panes.append('global', { bytes, count }, watermark);
        return { failed };
      }
      let late = 0;
      for (const [start, part] of splitByWindow(batch, windows)) {
        const encoded = part === batch ? { bytes, failed } : encode(part);
        const count = part.count - (encoded.failed?.count ?? 0);
        if (count === 0) continue;
        if ((await panes.append(start, { bytes: encoded.bytes, count }, watermark)).late) late += part.count;
      }
      return { failed, late: Math.min(late, batch.count) };
    },
    advance(to) {
      watermark = to;
    },
    async prepare(): Promise<Json> {
      const isEmpty = published.length === 0 && sealed.length === 0 && !panes.isOpen();
      if (settings.single && isEmpty && replacing && watermark === Number.POSITIVE_INFINITY)
        await panes.append('global', { bytes: Buffer.alloc(0), count: 0 }, BEGINNING_OF_TIME);
      const state = await panes.seal(watermark);
      sealed = state.sealed;
      return { ...state, published, before } as unknown as Json;
    },
    async commit() {
      const names = await mapInParallel(sealed, destination.atOnce, file =>
        destination.publish(file.staged, attempt => nameOf(file, attempt), replacing ? before : undefined),
      );
      await destination.settle(names);
      for (const { source } of sealed) if (source !== undefined) await rm(source, { force: true });
      published = [...published, ...names.map(destination.shown)].slice(-MAX_LISTED);
      sealed = [];
    },
    outputs: () => published,
    async close(ended) {
      if (!ended) return;
      await removeStaged(folder, mine, new Set());
      await destination.remove();
    },
  };
}

async function identitiesOf(
  places: readonly string[],
  { atOnce, identityOf }: Destination,
): Promise<Record<string, string>> {
  const found = await mapInParallel(places, atOnce, async place => [place, await identityOf(place)] as const);
  return Object.fromEntries(found.flatMap(([place, identity]) => (identity ? [[place, identity]] : [])));
}

/** What the checkpoint knows; the folder that files wait in may have come here from another job's. */
function restoredIn(folder: string, { restored }: StageContext): SinkState | undefined {
  const state = restored as unknown as SinkState | undefined;
  const here = (path: string) => join(folder, basename(path));
  const sealed = (state?.sealed ?? []).map(({ staged, source, ...file }) => ({
    ...file,
    staged: here(staged),
    ...(source !== undefined && { source: here(source) }),
  }));
  return state && { ...state, sealed };
}

/** The elements of each window. Most batches lie in one window: those are passed on as they are. */
function splitByWindow(
  batch: Batch,
  windowing: Extract<Windowing, { type: 'fixed' | 'sliding' }>,
): Iterable<[number, Batch]> {
  const { times = new Float64Array(), windows } = batch;
  if (windowing.type === 'fixed') {
    const first = fixedWindowStart(times[0] ?? 0, windowing);
    if (times.every(time => time >= first && time < first + windowing.sizeMs)) return [[first, batch]];
  }
  const byWindow = new Map<number, number[]>();
  for (const [i, time] of times.entries()) {
    const own = windows?.[2 * i];
    const starts = own === undefined ? windowsOf(time, windowing).map(({ start }) => start) : [own];
    for (const start of starts) {
      const indices = byWindow.get(start) ?? [];
      byWindow.set(start, indices);
      indices.push(i);
    }
  }
  return byWindow.entries().map(([start, indices]) => [start, selectElements(batch, indices)]);
}

/** This worker's shards of the `numShards` that the workers share. */
function shardsOf(numShards: number, { worker, stage }: StageContext): number[] {
  if (numShards === 0) return [worker.index];
  // Those with a shard refuse it too, before they make any folder.
  if (numShards < worker.count)
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${stage}: ${numShards} shards cannot be shared by ${worker.count} workers: ask for as many shards, or fewer workers`,
    );
  return Array.from({ length: numShards }, (_, i) => i).filter(i => i % worker.count === worker.index);
}

async function restoreStaged(
  state: SinkState | undefined,
  folder: string,
  mine: string,
  stagedPath: (window: WindowKey, late: boolean, shard: number) => string,
): Promise<void> {
  const known = new Set((state?.sealed ?? []).map(file => file.staged));
  for (const { window, late, shards } of state?.open ?? []) {
    for (const { shard, length } of shards) {
      const path = stagedPath(window, late, shard);
      known.add(path);
      await cutBack(path, length);
    }
  }
  await removeStaged(folder, mine, known);
}

async function removeStaged(folder: string, mine: string, except: ReadonlySet<string>): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    if (name.startsWith(mine) && !except.has(path)) await rm(path, { force: true });
  }
}
