/**
 * Remembers which messages were taken, by id, so that one that Pub/Sub delivers again is taken once. The ids are
 * appended to a file before each checkpoint, which notes the file's length: after a crash the file is cut back to
 * it, and what it then holds is exactly what the checkpoint counts as processed.
 *
 * At least the last `GENERATION_IDS` ids are remembered, at most twice as many: when a file is full a second one is
 * begun, and the one before it is dropped.
 */
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../../errors.ts';

export const GENERATION_IDS = 250_000;

/** What the checkpoint knows of the ledger. */
export type LedgerPosition = {
  generation: number;
  /** Lengths of the file of this generation and of the one before. */
  bytes: number;
  previousBytes: number;
};

const START: LedgerPosition = { generation: 0, bytes: 0, previousBytes: 0 };
const WRITTEN_IDS = 10_000;

export class Ledger {
  readonly #directory: string;
  readonly #name: string;
  readonly #generationIds: number;
  #position: LedgerPosition;
  #file: number;
  #current: Set<string>;
  #previous: Set<string>;
  /** Added since the last `seal`. */
  #fresh: string[] = [];
  #closed = false;

  /**
   * Opens the ledger as it was at `position`, or an empty one.
   * @throws SluiceError CHECKPOINT_UNUSABLE when its files lack what the position promises
   */
  constructor(directory: string, name: string, position = START, generationIds = GENERATION_IDS) {
    this.#directory = directory;
    this.#name = name;
    this.#generationIds = generationIds;
    this.#position = position;
    mkdirSync(directory, { recursive: true });
    this.#dropOthers();
    this.#file = this.#open();
    this.#current = this.#read(position.generation, position.bytes);
    this.#previous = this.#read(position.generation - 1, position.previousBytes);
    ftruncateSync(this.#file, position.bytes);
  }

  /** Remembers an id; false when it is known already. */
  add(id: string): boolean {
    if (this.#current.has(id) || this.#previous.has(id)) return false;
    this.#current.add(id);
    this.#fresh.push(id);
    return true;
  }

  /** Puts all ids on the disk, and gives the position to go back to. */
  seal(): LedgerPosition {
    if (this.#fresh.length === 0) return this.#position;
    let { generation, bytes, previousBytes } = this.#position;
    if (this.#current.size - this.#fresh.length >= this.#generationIds) {
      closeSync(this.#file);
      generation++;
      previousBytes = bytes;
      bytes = 0;
      this.#position = { generation, bytes, previousBytes };
      this.#file = this.#open();
      for (const id of this.#fresh) this.#current.delete(id);
      this.#previous = this.#current;
      this.#current = new Set(this.#fresh);
    }
    for (let i = 0; i < this.#fresh.length; i += WRITTEN_IDS) {
      const lines = this.#fresh.slice(i, i + WRITTEN_IDS).map(id => JSON.stringify(id));
      bytes += writeAll(this.#file, Buffer.from(`${lines.join('\n')}\n`), bytes);
    }
    fsyncSync(this.#file);
    this.#fresh = [];
    this.#position = { generation, bytes, previousBytes };
    return this.#position;
  }

  /** The last position is in the checkpoint: removes what only an older one would need. */
  committed(): void {
    this.#dropOthers();
  }

  /** Closes the files; `ended`: removes them. */
  close(ended: boolean): void {
    // Closed twice, it would close what has got the number since.
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
    if (ended) this.#drop([]);
  }

  #path(generation: number): string {
    return join(this.#directory, `${this.#name}-${generation}.ids`);
  }

  #open(): number {
    const file = openSync(this.#path(this.#position.generation), constants.O_RDWR | constants.O_CREAT, 0o600);
    const directory = openSync(this.#directory, 'r');
    fsyncSync(directory);
    closeSync(directory);
    return file;
  }

  #read(generation: number, bytes: number): Set<string> {
    if (bytes === 0) return new Set();
    const path = this.#path(generation);
    const text = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    if (text.length < bytes)
      throw new SluiceError(
        'CHECKPOINT_UNUSABLE',
        `${path} has ${text.length} bytes and the checkpoint counts on ${bytes}`,
      );
    const lines = text.toString('utf8', 0, bytes).split('\n');
    lines.pop();
    return new Set(lines.map(line => String(JSON.parse(line))));
  }

  #dropOthers(): void {
    const { generation } = this.#position;
    this.#drop([this.#path(generation), this.#path(generation - 1)]);
  }

  #drop(kept: readonly string[]): void {
    for (const file of readdirSync(this.#directory)) {
      const path = join(this.#directory, file);
      if (file.startsWith(`${this.#name}-`) && file.endsWith('.ids') && !kept.includes(path)) rmSync(path);
    }
  }
}

/** Writes the bytes at this place, however many calls it takes. */
function writeAll(file: number, bytes: Buffer, position: number): number {
  for (let done = 0; done < bytes.length; )
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  return bytes.length;
}
