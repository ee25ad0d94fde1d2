/**
 * What a grouping knows of its keys, bucket by bucket (a bucket is a window, or all sessions), however many there are.
 * In memory lies what came since the last spill; at a checkpoint, and when it grows too large, it is written to a new
 * run. A key's value is what all runs and the memory hold of it, merged from the oldest to the newest, when the bucket
 * is swept. A checkpoint names the runs; others are removed.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../engine/checkpoint.ts';
import { collectReleased } from '../../engine/collect.ts';
import type { Json } from '../../engine/component.ts';
import { SluiceError, systemCode } from '../../errors.ts';
import { mergeEntries, sortedEntries } from './merge.ts';
import { Run, type RunState, RunWriter } from './runs.ts';

export interface StateSettings<V> {
  folder: string;
  /** The value of what both hold; `newer` came later. `older` may be reused. */
  merge(older: V, newer: V): V;
  /** What the memory may hold, bytes. */
  maxBytes?: number;
  /** So many runs are made one. */
  maxRuns?: number;
}

export type StoredState = { runs: RunState[]; next: number };

const MAX_BYTES = 24 << 20;
const MAX_RUNS = 32;
/** What an entry takes beside its key and its value, bytes. */
const ENTRY_BYTES = 120;

interface Memory<V> {
  cells: Map<string, V>;
  bytes: number;
}

export class GroupState<V> {
  readonly #settings: Required<StateSettings<V>>;
  readonly #memory = new Map<string, Memory<V>>();
  #bytes = 0;
  /** From the oldest to the newest. */
  #runs: Run[] = [];
  #next: number;
  /** Files that the last snapshot names and the next will not. */
  #retired: string[] = [];
  #removable: string[] = [];
  /** While a bucket is swept, its runs stay what they are. */
  #sweeps = 0;

  /** @throws SluiceError CHECKPOINT_UNUSABLE when a run lacks what the checkpoint promises */
  constructor(settings: StateSettings<V>, restored?: StoredState) {
    this.#settings = { maxBytes: MAX_BYTES, maxRuns: MAX_RUNS, ...settings };
    this.#next = restored?.next ?? 0;
    mkdirSync(settings.folder, { recursive: true });
    this.#runs = (restored?.runs ?? []).map(state => this.#restore(state));
    const known = new Set(this.#runs.map(({ path }) => path));
    for (const name of readdirSync(settings.folder)) {
      const path = join(settings.folder, name);
      if (!known.has(path)) rmSync(path, { force: true });
    }
  }

  /** Those that hold anything. */
  buckets(): Set<string> {
    return new Set([...this.#memory.keys(), ...this.#runs.flatMap(run => [...run.buckets()])]);
  }

  /** What came for a key since the last spill. */
  get(bucket: string, key: string): V | undefined {
    return this.#memory.get(bucket)?.cells.get(key);
  }

  /** Takes what `get` gave, changed, or what is new; `bytes` is by how much it has grown. */
  put(bucket: string, key: string, value: V, bytes: number): void {
    const memory = this.#memory.get(bucket) ?? { cells: new Map<string, V>(), bytes: 0 };
    this.#memory.set(bucket, memory);
    const before = memory.cells.size;
    memory.cells.set(key, value);
    const grown = bytes + (memory.cells.size > before ? ENTRY_BYTES + key.length : 0);
    memory.bytes += grown;
    this.#bytes += grown;
    if (this.#bytes <= this.#settings.maxBytes) return;
    this.#spill();
    collectReleased();
  }

  /** Takes everything out of a bucket: `entries` gives each key once, `keep` puts one back, `finish` ends it. */
  sweep(bucket: string): Sweep<V> {
    const memory = this.#memory.get(bucket);
    this.#memory.delete(bucket);
    this.#bytes -= memory?.bytes ?? 0;
    const runs = this.#runs.filter(run => run.has(bucket));
    const average = memory ? memory.bytes / Math.max(1, memory.cells.size) : ENTRY_BYTES;
    if (runs.length === 0) {
      return {
        entries: () => (memory?.cells ?? new Map<string, V>()).entries(),
        keep: (key, value) => this.put(bucket, key, value, Math.max(0, average - ENTRY_BYTES - key.length)),
        finish: () => {},
      };
    }
    return this.#sweepRuns(bucket, runs, memory);
  }

  #sweepRuns(bucket: string, runs: Run[], memory: Memory<V> | undefined): Sweep<V> {
    const { merge } = this.#settings;
    let kept = new Map<string, V>();
    let writer: RunWriter<V> | undefined;
    const flush = () => {
      if (kept.size === 0) return;
      writer ??= this.#writer(1);
      writer.write(bucket, sortedEntries(kept), kept.size * ENTRY_BYTES);
      kept = new Map();
    };
    const sources = runs.map(run => run.read<V>(bucket));
    const newest = memory ? [[sortedEntries(memory.cells)].values()] : [];
    this.#sweeps++;
    return {
      *entries() {
        for (const chunk of mergeEntries([...sources, ...newest], merge)) {
          yield* chunk;
          flush();
        }
      },
      keep: (key, value) => void kept.set(key, value),
      finish: () => {
        flush();
        this.#dropFrom(runs, bucket);
        if (writer) this.#runs.push(writer.finish());
        this.#sweeps--;
      },
    };
  }

  /** Forgets a bucket. */
  drop(bucket: string): void {
    this.#bytes -= this.#memory.get(bucket)?.bytes ?? 0;
    this.#memory.delete(bucket);
    this.#dropFrom(this.#runs, bucket);
  }

  /** Makes everything durable; gives what a restart needs. */
  async snapshot(): Promise<StoredState & Json> {
    this.#spill();
    const fresh = this.#runs.filter(({ synced }) => !synced);
    for (const run of fresh) await run.sync();
    if (fresh.length > 0) await syncDirectory(this.#settings.folder);
    this.#removable.push(...this.#retired.splice(0));
    return { runs: this.#runs.map(run => run.state), next: this.#next };
  }

  /** The last snapshot is in the checkpoint. */
  async commit(): Promise<void> {
    for (const path of this.#removable.splice(0)) await rm(path, { force: true });
  }

  async close(ended = false): Promise<void> {
    for (const run of this.#runs) run.close();
    if (ended) await rm(this.#settings.folder, { recursive: true, force: true });
  }

  #spill(): void {
    if (this.#memory.size === 0) return;
    const writer = this.#writer(0);
    for (const [bucket, { cells, bytes }] of this.#memory) writer.write(bucket, sortedEntries(cells), bytes);
    this.#runs.push(writer.finish());
    this.#memory.clear();
    this.#bytes = 0;
    if (this.#sweeps === 0) this.#compact();
  }

  /** Makes one run of many of a size: a bucket that lives long is never spread over more than a few. */
  #compact(): void {
    for (let level = 0; ; level++) {
      let from = this.#runs.length;
      while (from > 0 && (this.#runs[from - 1]?.level ?? 0) <= level) from--;
      const merged = this.#runs.slice(from);
      if (merged.length < this.#settings.maxRuns) return;
      const writer = this.#writer(level + 1);
      for (const bucket of new Set(merged.flatMap(run => [...run.buckets()]))) {
        const sources = merged.filter(run => run.has(bucket)).map(run => run.read<V>(bucket));
        for (const chunk of mergeEntries(sources, this.#settings.merge))
          writer.write(bucket, sortedEntries(chunk), chunk.size * ENTRY_BYTES);
      }
      for (const run of merged) this.#retire(run);
      this.#runs = [...this.#runs.slice(0, from), writer.finish()];
    }
  }

  #dropFrom(runs: readonly Run[], bucket: string): void {
    const gone = new Set(runs.filter(run => run.has(bucket) && run.drop(bucket)));
    for (const run of gone) this.#retire(run);
    if (gone.size > 0) this.#runs = this.#runs.filter(run => !gone.has(run));
  }

  #retire(run: Run): void {
    run.close();
    this.#retired.push(run.path);
  }

  #writer(level: number): RunWriter<V> {
    const id = this.#next++;
    return new RunWriter(this.#path(id), id, level);
  }

  #restore(state: RunState): Run {
    const path = this.#path(state.id);
    try {
      return Run.restore(path, state);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      throw new SluiceError('CHECKPOINT_UNUSABLE', `${path} is gone, and the checkpoint counts on it`);
    }
  }

  #path(id: number): string {
    return join(this.#settings.folder, `${id}.run`);
  }
}

export interface Sweep<V> {
  entries(): Iterable<[key: string, value: V]>;
  keep(key: string, value: V): void;
  finish(): void;
}
