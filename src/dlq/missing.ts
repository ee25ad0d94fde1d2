/** Letters that a job has counted and that are not where it put them: what is gone must not look like what never was. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, jobDirectory } from '../config.ts';
import { loadCheckpoint } from '../engine/checkpoint.ts';
import type { LetterPlace } from './places.ts';
import { describePlace, type FoundLetter } from './read.ts';
import { topicOf } from './topic.ts';

/** What an ended job wrote to its places, by its own count. */
export interface CountedLetters {
  job: string;
  counted: number;
  places: LetterPlace[];
}

export interface MissingLetters {
  job: string;
  counted: number;
  found: number;
  /** Where they should be. */
  places: string[];
  /** Why they may be missing. */
  why: string;
}

/** @param places those of the job that can be read */
export async function countLetters(
  config: Config,
  job: string,
  places: LetterPlace[],
): Promise<CountedLetters> {
  const workers = join(jobDirectory(config, job), 'workers');
  let counted = 0;
  for (const name of await readdir(workers).catch(() => [])) {
    const checkpoint = await loadCheckpoint(join(workers, name));
    for (const { stage } of places) {
      const out = checkpoint?.counters[stage]?.out;
      if (Number.isSafeInteger(out)) counted += Number(out);
    }
  }
  return { job, counted, places };
}

/** Passes letters on, and counts those of each job in `tally`: every line, as the job did. */
export async function* tallied(
  found: AsyncIterable<FoundLetter>,
  tally: Map<string, number>,
): AsyncGenerator<FoundLetter> {
  tally.clear();
  for await (const each of found) {
    if ('letter' in each) tally.set(each.letter.job, (tally.get(each.letter.job) ?? 0) + 1);
    yield each;
  }
}

/** The jobs of which fewer letters were found than they have counted. */
export function missingLetters(
  all: readonly CountedLetters[],
  tally: ReadonlyMap<string, number>,
): MissingLetters[] {
  return all.flatMap(({ job, counted, places }) => {
    const found = tally.get(job) ?? 0;
    if (found >= counted) return [];
    const areMessages = places.every(place => topicOf(place) !== undefined);
    const why = areMessages
      ? 'the messages have expired, or another subscription has them'
      : 'the files were moved, removed or replaced';
    return [{ job, counted, found, places: [...new Set(places.map(describePlace))], why }];
  });
}
