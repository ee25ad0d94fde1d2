/** Which elements have dead letters, in groups, and which of them still wait for a replay. */
import type { DeadLetter } from '../engine/dead-letter.ts';
import { keyOf } from './letter.ts';
import type { FoundLetter } from './read.ts';

export interface LetterGroup {
  code: string;
  transform: string;
  /** Elements that failed so when they were last tried. */
  count: number;
  /** Those that no replay has taken. */
  waiting: number;
  /** Message and id of the first one that failed so. */
  message: string;
  id: string;
}

export interface Survey {
  groups: LetterGroup[];
  /** Elements, however often each has failed. */
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

/** Groups by code and transform, the largest first. An element counts once: with the latest of its letters. */
export async function surveyLetters(
  found: AsyncIterable<FoundLetter>,
  { code, ...wanted }: Wanted,
  taken: ReadonlySet<string>,
): Promise<Survey> {
  const groups = new Map<string, LetterGroup & { time: string }>();
  const latest = new Map<string, { attempts: number; group: LetterGroup }>();
  const faults: Survey['faults'] = { count: 0, first: [] };
  for await (const each of found) {
    if ('fault' in each) {
      if (++faults.count <= TOLD_FAULTS) faults.first.push(`${each.at}: ${each.fault}`);
      continue;
    }
    const { letter } = each;
    if (!isWanted(letter, wanted)) continue;
    const { id, attempts, transform, message, time } = letter;
    const name = JSON.stringify([letter.code, transform]);
    const group = groups.get(name) ?? {
      code: letter.code,
      transform,
      count: 0,
      waiting: 0,
      message,
      id,
      time,
    };
    groups.set(name, group);
    if (time < group.time) Object.assign(group, { message, id, time });
    if (attempts > (latest.get(id)?.attempts ?? 0)) latest.set(id, { attempts, group });
  }
  for (const [id, { attempts, group }] of latest) {
    group.count++;
    if (!taken.has(keyOf({ id, attempts }))) group.waiting++;
  }
  const sorted = [...groups.values()]
    .filter(group => group.count > 0 && (code === undefined || group.code === code))
    .map(({ time: _, ...group }) => group)
    .sort((a, b) => b.count - a.count);
  const sum = (key: 'count' | 'waiting') => sorted.reduce((total, group) => total + group[key], 0);
  return { groups: sorted, count: sum('count'), waiting: sum('waiting'), faults };
}
