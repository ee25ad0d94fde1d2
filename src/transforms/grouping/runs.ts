/**
 * Runs: files of entries that a grouping no longer keeps in memory. A run is written once and never changed, so a
 * checkpoint only has to name it. Within a run each bucket (a window) has blocks of entries in the order of their
 * keys' hashes, so that runs are merged by reading each of them from front to back, a block at a time.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { SluiceError } from '../../errors.ts';
import { parseExact, stringifyExact } from '../../formats/exact-json.ts';

/** Keys with their values, side by side, in the order of the hashes; entries of one hash are never parted. */
export interface Entries<V> {
  hashes: number[];
  keys: string[];
  values: V[];
}

/** Offset, length, and whether there are integers in it that a double does not hold. */
type Block = [at: number, bytes: number, exact: 0 | 1];

/** What a checkpoint knows of a run; the directory of its blocks stands at its end. `gone`: buckets dropped since. */
export type RunState = { id: number; level: number; directoryAt: number; bytes: number; gone: string[] };

const BLOCK_BYTES = 64 * 1024;
const MAX_BLOCK_ENTRIES = 512;
const WRITE_BYTES = 1 << 20;

export class Run {
  readonly id: number;
  readonly level: number;
  readonly path: string;
  readonly #state: RunState;
  readonly #blocks: Map<string, Block[]>;
  #file: number | undefined;
  #synced: boolean;

  constructor(path: string, state: RunState, blocks: Map<string, Block[]>, synced: boolean) {
    this.id = state.id;
    this.level = state.level;
    this.path = path;
    this.#state = { ...state, gone: [...state.gone] };
    this.#blocks = blocks;
    this.#synced = synced;
  }

  /** Opens a run as a checkpoint knows it. @throws SluiceError CHECKPOINT_UNUSABLE when it lost bytes */
  static restore(path: string, state: RunState): Run {
    const file = openSync(path, 'r');
    try {
      const text = readAt(file, state.directoryAt, state.bytes - state.directoryAt, path).toString();
      const blocks = new Map(JSON.parse(text) as [string, Block[]][]);
      for (const bucket of state.gone) blocks.delete(bucket);
      return new Run(path, state, blocks, true);
    } finally {
      closeSync(file);
    }
  }

  buckets(): IterableIterator<string> {
    return this.#blocks.keys();
  }

  has(bucket: string): boolean {
    return this.#blocks.has(bucket);
  }

  /** Forgets a bucket; true when nothing is left that anybody wants. */
  drop(bucket: string): boolean {
    if (this.#blocks.delete(bucket)) this.#state.gone.push(bucket);
    return this.#blocks.size === 0;
  }

  /** The blocks of a bucket, one after the other. */
  *read<V>(bucket: string): Generator<Entries<V>> {
    for (const [at, bytes, exact] of this.#blocks.get(bucket) ?? []) {
      this.#file ??= openSync(this.path, 'r');
      const text = readAt(this.#file, at, bytes, this.path).toString();
      const flat = (exact ? parseExact(text) : JSON.parse(text)) as unknown[];
      const entries: Entries<V> = { hashes: [], keys: [], values: [] };
      for (let i = 0; i < flat.length; i += 2) {
        const key = flat[i] as string;
        entries.hashes.push(hashOf(key));
        entries.keys.push(key);
        entries.values.push(flat[i + 1] as V);
      }
      yield entries;
    }
  }

  get state(): RunState {
    return { ...this.#state, gone: [...this.#state.gone] };
  }

  /** True when it is on disk for good. */
  get synced(): boolean {
    return this.#synced;
  }

  async sync(): Promise<void> {
    const file = await open(this.path, 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#synced = true;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

export class RunWriter<V> {
  readonly #path: string;
  readonly #id: number;
  readonly #level: number;
  readonly #file: number;
  readonly #blocks = new Map<string, Block[]>();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #written = 0;
  #end = 0;

  constructor(path: string, id: number, level: number) {
    this.#path = path;
    this.#id = id;
    this.#level = level;
    this.#file = openSync(path, 'w', 0o600);
  }

  /** Adds entries of a bucket, whose hashes are beyond those added to it before; `bytes` is what they may come to. */
  write(bucket: string, { hashes, keys, values }: Entries<V>, bytes: number): void {
    const blocks = this.#blocks.get(bucket) ?? [];
    this.#blocks.set(bucket, blocks);
    const average = Math.max(1, bytes / Math.max(1, keys.length));
    const perBlock = Math.max(1, Math.min(MAX_BLOCK_ENTRIES, Math.floor(BLOCK_BYTES / average)));
    for (let from = 0; from < keys.length; ) {
      let to = Math.min(keys.length, from + perBlock);
      while (to < keys.length && hashes[to] === hashes[to - 1]) to++;
      const flat: unknown[] = [];
      for (let i = from; i < to; i++) flat.push(keys[i], values[i]);
      blocks.push(this.#append(flat));
      from = to;
    }
  }

  finish(): Run {
    const directoryAt = this.#end;
    this.#append([...this.#blocks]);
    this.#flush();
    closeSync(this.#file);
    const state = { id: this.#id, level: this.#level, directoryAt, bytes: this.#end, gone: [] };
    return new Run(this.#path, state, this.#blocks, false);
  }

  #append(value: unknown[]): Block {
    const [text, exact] = stringify(value);
    const buffer = Buffer.from(text);
    const at = this.#end;
    this.#pending.push(buffer);
    this.#pendingBytes += buffer.length;
    this.#end += buffer.length;
    if (this.#pendingBytes >= WRITE_BYTES) this.#flush();
    return [at, buffer.length, exact];
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#pending);
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#file, bytes, done, bytes.length - done, this.#written + done);
    this.#written += bytes.length;
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

/** 32 bits that spread keys evenly (FNV-1a, by UTF-16 unit). */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function stringify(value: unknown): [text: string, exact: 0 | 1] {
  try {
    return [JSON.stringify(value), 0];
  } catch {
    // A bigint somewhere: JSON.stringify takes none.
    return [stringifyExact(value), 1];
  }
}

function readAt(file: number, at: number, length: number, path: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, at + done);
    if (read === 0)
      throw new SluiceError('CHECKPOINT_UNUSABLE', `${path} has lost bytes that the checkpoint knows of`);
    done += read;
  }
  return bytes;
}
