/**
 * Keeps the ack ids of what a checkpoint holds until a later checkpoint: a worker that was killed before it could
 * acknowledge does so when it starts again, and need not be sent all of it once more.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors.ts';

export class PendingAcks {
  /** Those of the checkpoint that the job goes on from. */
  readonly restored: readonly string[];
  readonly #directory: string;
  readonly #name: string;
  #sequence: number;

  /** `sequence`: what `seal` gave at that checkpoint. The folder must be there. */
  constructor(directory: string, name: string, sequence = 0) {
    this.#directory = directory;
    this.#name = name;
    this.#sequence = sequence;
    this.restored = this.#read();
  }

  /** Puts the ids on the disk; gives what the checkpoint must know. */
  seal(ackIds: readonly string[]): number {
    this.#sequence++;
    const file = openSync(this.#path(), 'w', 0o600);
    try {
      writeFileSync(file, ackIds.join('\n'));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return this.#sequence;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** The last `seal` is in the checkpoint: removes the files of older ones. */
  committed(): void {
    this.#drop(this.#path());
  }

  close(ended: boolean): void {
    if (ended) this.#drop();
  }

  #path(): string {
    return join(this.#directory, `${this.#name}-${this.#sequence}.acks`);
  }

  /** A missing file costs only that the messages are delivered again, and known by their ids. */
  #read(): string[] {
    try {
      return readFileSync(this.#path(), 'utf8').split('\n').filter(Boolean);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #drop(kept?: string): void {
    for (const file of readdirSync(this.#directory)) {
      const path = join(this.#directory, file);
      if (file.startsWith(`${this.#name}-`) && file.endsWith('.acks') && path !== kept) rmSync(path);
    }
  }
}
