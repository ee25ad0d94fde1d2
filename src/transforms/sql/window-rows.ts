/** The rows of the inputs of a query by window, on disk until the window is over and the query has been run. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cutBack, type StagedFile, stagedFile } from '../../engine/staged-file.ts';
import { END_OF_TIME, GLOBAL_WINDOW, type Window } from '../../engine/time.ts';
import { encodePayloads } from '../../formats/payloads.ts';

/** The rows of one input in one window. */
export interface InputRows {
  file: StagedFile;
  rows: number;
  longestLine: number;
}

export interface OpenWindow {
  window: Window;
  /** By the number of the input; absent where nothing has come. */
  inputs: (InputRows | undefined)[];
}

export interface StoredWindows {
  windows: { id: string; inputs: ({ length: number; rows: number; longestLine: number } | null)[] }[];
}

/** So much may wait in memory, over all windows. */
const MAX_PENDING_BYTES = 32 << 20;

export class WindowRows {
  readonly #folder: string;
  readonly #open = new Map<string, OpenWindow>();
  /** Paths of rows that were given away; the last checkpoint may still know them. */
  #spent: string[] = [];
  #removable: string[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes back what came after the checkpoint. */
  static async open(folder: string, stored?: StoredWindows): Promise<WindowRows> {
    const state = new WindowRows(folder);
    await mkdir(folder, { recursive: true });
    const kept = new Set<string>();
    for (const { id, inputs } of stored?.windows ?? []) {
      const restored: OpenWindow = { window: windowOf(id), inputs: [] };
      for (const [i, input] of inputs.entries()) {
        if (!input) continue;
        const path = state.#path(id, i);
        await cutBack(path, input.length);
        kept.add(path);
        const { length, ...counts } = input;
        restored.inputs[i] = { file: stagedFile(path, length), ...counts };
      }
      state.#open.set(id, restored);
    }
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (!kept.has(path)) await rm(path, { recursive: true, force: true });
    }
    return state;
  }

  async add(window: Window, input: number, lines: readonly string[]): Promise<void> {
    const id = idOf(window);
    const open = this.#open.get(id) ?? { window, inputs: [] };
    this.#open.set(id, open);
    const rows = open.inputs[input] ?? {
      file: stagedFile(this.#path(id, input), 0),
      rows: 0,
      longestLine: 0,
    };
    open.inputs[input] = rows;
    rows.rows += lines.length;
    for (const line of lines) if (line.length > rows.longestLine) rows.longestLine = line.length;
    await rows.file.append(encodePayloads(lines).bytes);
    if (this.#open.size > 1) await this.#bound();
  }

  /** The windows that are over, in the order of their ends; what they hold is given away. */
  async take(isOver: (window: Window) => boolean): Promise<OpenWindow[]> {
    const over = [...this.#open].filter(([, { window }]) => isOver(window));
    for (const [id, { inputs }] of over) {
      this.#open.delete(id);
      for (const input of inputs) {
        if (!input) continue;
        await input.file.flush();
        this.#spent.push(input.file.path);
      }
    }
    return over
      .map(([, each]) => each)
      .sort((a, b) => a.window.end - b.window.end || a.window.start - b.window.start);
  }

  async snapshot(): Promise<StoredWindows> {
    const windows: StoredWindows['windows'] = [];
    for (const [id, { inputs }] of this.#open) {
      const stored: StoredWindows['windows'][number]['inputs'] = [];
      for (const input of Array.from(inputs)) {
        stored.push(
          input
            ? { length: await input.file.sync(), rows: input.rows, longestLine: input.longestLine }
            : null,
        );
      }
      windows.push({ id, inputs: stored });
    }
    this.#removable = this.#spent;
    this.#spent = [];
    return { windows };
  }

  /** The last snapshot is in the checkpoint. */
  async commit(): Promise<void> {
    for (const path of this.#removable) await rm(path, { force: true });
    this.#removable = [];
  }

  async close(ended = false): Promise<void> {
    if (ended) await rm(this.#folder, { recursive: true, force: true });
  }

  #path(id: string, input: number): string {
    return join(this.#folder, `${id}.${input}.ndjson`);
  }

  async #bound(): Promise<void> {
    const files = [...this.#open.values()].flatMap(({ inputs }) => inputs.flatMap(each => each?.file ?? []));
    if (files.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0) <= MAX_PENDING_BYTES) return;
    for (const file of files) await file.flush();
  }
}

const idOf = ({ start, end }: Window): string => (end === END_OF_TIME ? 'global' : `${start}_${end}`);

function windowOf(id: string): Window {
  const [start, end] = id.split('_').map(Number);
  return id === 'global' || start === undefined || end === undefined ? GLOBAL_WINDOW : { start, end };
}
