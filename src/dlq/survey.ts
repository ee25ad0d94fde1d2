/** What dead letters there are, in groups, and which of them still wait for a replay. */
import type { DeadLetter } from '../engine/dead-letter.ts';
import { keyOf } from './letter.ts';
import type { FoundLetter } from './read.ts';

export interface LetterGroup {
  code: string;
  transform: string;
  count: number;
  /** Those that no replay has taken. */
  waiting: number;
  /** Message and id of the first one that failed. */
  message: string;
  id: string;
}

export interface Survey {
  groups: LetterGroup[];
  count: number;
  waiting: number;
  /** Lines that hold no letter: how many, and the first ones in words. */
  faults: { count: number; first: string[] };
}

/** Which letters are asked for. */
export interface Wanted {
  /** Those that failed in one of these jobs. */
  jobs: ReadonlySet<string>;
  code?: string;
  ids?: ReadonlySet<string>;
}

const TOLD_FAULTS = 10;

export const isWanted = (letter: DeadLetter, { jobs, code, ids }: Wanted): boolean =>
  jobs.has(letter.job) &&
  (code === undefined || letter.code === code) &&
  (ids === undefined || ids.has(letter.id));

/** Groups by code and transform, the largest first. A letter that is there twice counts once. */
export async function surveyLetters(
  found: AsyncIterable<FoundLetter>,
  wanted: Wanted,
  taken: ReadonlySet<string>,
): Promise<Survey> {
  const groups = new Map<string, LetterGroup & { time: string }>();
  const known = new Set<string>();
  /** Of an element that failed more than once only its latest letter waits. */
  const latest = new Map<string, { attempts: number; group: LetterGroup }>();
  const faults: Survey['faults'] = { count: 0, first: [] };
  for await (const each of found) {
    if ('fault' in each) {
      if (++faults.count <= TOLD_FAULTS) faults.first.push(`${each.at}: ${each.fault}`);
      continue;
    }
    const { letter } = each;
    const { id, attempts, code, transform, message, time } = letter;
    if (!isWanted(letter, wanted) || known.has(keyOf(letter))) continue;
    known.add(keyOf(letter));
    const name = JSON.stringify([code, transform]);
    const group = groups.get(name) ?? { code, transform, count: 0, waiting: 0, message, id, time };
    groups.set(name, group);
    if (time < group.time) Object.assign(group, { message, id, time });
    group.count++;
    if (attempts > (latest.get(id)?.attempts ?? 0)) latest.set(id, { attempts, group });
  }
  for (const [id, { attempts, group }] of latest) if (!taken.has(keyOf({ id, attempts }))) group.waiting++;
  const sorted = [...groups.values()].map(({ time: _, ...group }) => group).sort((a, b) => b.count - a.count);
  return {
    groups: sorted,
    count: known.size,
    waiting: sorted.reduce((sum, { waiting }) => sum + waiting, 0),
    faults,
  };
}
