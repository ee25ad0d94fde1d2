/**
 * The panes of an output: for each window the files under way, staged until the watermark passes the window's end,
 * then sealed by a checkpoint and published under their names. What comes later is published as late panes.
 */
import { type Pack, type Piece, type StagedFile, stagedFile } from '../../engine/staged-file.ts';

/** Start of a window, ms since the epoch; `global` where there are no windows. */
export type WindowKey = number | 'global';

interface OpenPane {
  window: WindowKey;
  late: boolean;
  /** Wall clock, ms: a late pane waits a while for company. */
  openedAt: number;
  shards: Map<number, StagedFile>;
  appended: number;
}

export interface PaneState {
  window: WindowKey;
  late: boolean;
  shards: { shard: number; length: number }[];
}

/** A staged file that is complete. */
export interface SealedFile {
  staged: string;
  /** The staged file that it was made of, which nobody needs once it is published. */
  source?: string;
  window: WindowKey;
  late: boolean;
  shard: number;
}

export interface PaneSettings {
  /** Path of a staged file. */
  stagedPath(window: WindowKey, late: boolean, shard: number): string;
  /** This worker's shards. */
  shards: number[];
  /** What becomes of the elements' bytes on their way into a file; absent: they are written as they are. */
  pack?: Pack;
  /** What each file begins with. */
  header?(): Buffer;
  /** Makes the file that is published of a staged one that is complete; gives its path. */
  finish?(staged: string): Promise<string>;
  /** Length of a window, ms. */
  windowMs: number;
}

const LATE_PANE_MS = 10_000;
/** All that is held in memory; beyond it everything is flushed. */
const MAX_PENDING_BYTES = 32 << 20;

export interface Panes {
  append(window: WindowKey, piece: Piece, watermark: number): Promise<{ late: boolean }>;
  /** True while there are files under way. */
  isOpen(): boolean;
  /** Makes everything durable; gives the panes that stay open and the files that are complete. */
  seal(watermark: number): Promise<{ open: PaneState[]; sealed: SealedFile[] }>;
}

export function createPanes(settings: PaneSettings, restored: readonly PaneState[] = []): Panes {
  const { stagedPath, shards, pack, finish, windowMs } = settings;
  const panes = new Map<string, OpenPane>();
  const open = (window: WindowKey, late: boolean): OpenPane => {
    const key = `${window}${late}`;
    const pane = panes.get(key) ?? { window, late, openedAt: Date.now(), shards: new Map(), appended: 0 };
    panes.set(key, pane);
    return pane;
  };
  for (const { window, late, shards: files } of restored) {
    const pane = open(window, late);
    for (const { shard, length } of files) {
      pane.shards.set(shard, stagedFile(stagedPath(window, late, shard), length, pack));
    }
  }
  const isOver = (window: WindowKey, watermark: number) =>
    window === 'global' ? watermark === Number.POSITIVE_INFINITY : window + windowMs <= watermark;
  const isComplete = ({ window, late, openedAt }: OpenPane, watermark: number) =>
    isOver(window, watermark) &&
    (!late || watermark === Number.POSITIVE_INFINITY || Date.now() - openedAt >= LATE_PANE_MS);
  const files = () => [...panes.values()].flatMap(pane => [...pane.shards.values()]);

  return {
    isOpen: () => panes.size > 0,
    async append(window, { bytes, count }, watermark) {
      const late = isOver(window, watermark);
      const pane = open(window, late);
      const shard = shards[pane.appended++ % shards.length] ?? 0;
      const begun = pane.shards.get(shard);
      const file = begun ?? stagedFile(stagedPath(window, late, shard), 0, pack);
      pane.shards.set(shard, file);
      if (!begun && settings.header) await file.append(settings.header());
      await file.append(bytes, count);
      if (panes.size > 1 && files().reduce((sum, each) => sum + each.pendingBytes, 0) > MAX_PENDING_BYTES) {
        for (const each of files()) await each.flush();
      }
      return { late };
    },
    async seal(watermark) {
      const state = { open: [] as PaneState[], sealed: [] as SealedFile[] };
      for (const [key, pane] of panes) {
        const { window, late } = pane;
        const lengths = [];
        for (const [shard, file] of pane.shards) lengths.push({ shard, length: await file.sync() });
        if (isComplete(pane, watermark)) {
          panes.delete(key);
          for (const [shard, { path }] of pane.shards) {
            const file = finish ? { staged: await finish(path), source: path } : { staged: path };
            state.sealed.push({ ...file, window, late, shard });
          }
        } else state.open.push({ window, late, shards: lengths });
      }
      return state;
    },
  };
}
