/** Chooses the letters of a replay, and puts them where its source will read them. */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeadLetter } from '../engine/dead-letter.ts';
import { keyOf } from './letter.ts';
import type { FoundLetter } from './read.ts';
import { isWanted, type Wanted } from './survey.ts';

export interface Choice extends Wanted {
  /** Letters that were replayed before. */
  taken: ReadonlySet<string>;
  /** An element that was tried so often is not tried again. */
  maxAttempts: number;
  /** The sources that a replay can stand in for. */
  sources: ReadonlySet<string>;
  /** The file for the letters of a source. */
  fileOf(source: string): string;
}

/** How many were chosen, and why the others were not. */
export interface Chosen {
  /** What was asked for and no letter has, in words; if there is any, nothing is chosen. */
  unknown: string[];
  chosen: number;
  replayedBefore: number;
  triedTooOften: number;
  /** No source of the pipeline gave them. */
  withoutSource: number;
  faults: number;
}

const FLUSH_BYTES = 1 << 20;

/** @param read gives all letters, and again from the beginning: they may be too many to be held */
export async function selectLetters(read: () => AsyncIterable<FoundLetter>, choice: Choice): Promise<Chosen> {
  const latest = new Map<string, number>();
  const told: Chosen = {
    unknown: [],
    chosen: 0,
    replayedBefore: 0,
    triedTooOften: 0,
    withoutSource: 0,
    faults: 0,
  };
  for await (const found of read()) {
    if ('fault' in found) told.faults++;
    else if (isWanted(found.letter, choice)) {
      const { id, attempts } = found.letter;
      latest.set(id, Math.max(attempts, latest.get(id) ?? 0));
    }
  }
  told.unknown = unknownOf(choice, latest);
  if (told.unknown.length > 0) return told;
  const files = new Map<string, LetterWriter>();
  try {
    for await (const found of read()) {
      if ('fault' in found || !isWanted(found.letter, choice)) continue;
      const { letter } = found;
      if (latest.get(letter.id) !== letter.attempts) continue;
      // What is there twice is taken once.
      latest.delete(letter.id);
      const source = sourceFor(letter, choice, told);
      if (source === undefined) continue;
      const file = files.get(source) ?? (await createFile(choice.fileOf(source)));
      files.set(source, file);
      await file.add(letter);
      told.chosen++;
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
  return told;
}

function unknownOf({ ids, code }: Wanted, found: ReadonlyMap<string, number>): string[] {
  const ofCode = code === undefined ? [] : [`of the code ${code}`];
  if (!ids) return found.size === 0 ? ofCode : [];
  return [...ids].filter(id => !found.has(id)).map(id => [id, ...ofCode].join(' '));
}

/** The source that gives the letter; undefined, and counted, when it is not to be replayed. */
function sourceFor(letter: DeadLetter, choice: Choice, told: Chosen): string | undefined {
  const { source } = letter;
  if (choice.taken.has(keyOf(letter))) told.replayedBefore++;
  else if (letter.attempts >= choice.maxAttempts) told.triedTooOften++;
  else if (source === undefined || !choice.sources.has(source)) told.withoutSource++;
  else return source;
  return undefined;
}

interface LetterWriter {
  add(letter: DeadLetter): Promise<void>;
  /** Everything is on disk when it resolves. */
  close(): Promise<void>;
}

async function createFile(path: string): Promise<LetterWriter> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'w', 0o600);
  let lines: string[] = [];
  let length = 0;
  const flush = async () => {
    await file.appendFile(lines.join(''));
    lines = [];
    length = 0;
  };
  return {
    async add(letter) {
      const line = `${JSON.stringify(letter)}\n`;
      lines.push(line);
      length += line.length;
      if (length >= FLUSH_BYTES) await flush();
    },
    async close() {
      await flush();
      await file.sync();
      await file.close();
    },
  };
}
