/** Looks at the dead letters of a job: which there are, and what each says. */
import { noteTaken } from '../dlq/ledger.ts';
import { type MissingLetters, missingLetters, tallied } from '../dlq/missing.ts';
import { readLetters } from '../dlq/read.ts';
import { isWanted, type Survey, surveyLetters, type Wanted } from '../dlq/survey.ts';
import type { DeadLetter } from '../engine/dead-letter.ts';
import { SluiceError } from '../errors.ts';
import type { JobHome } from '../store/store.ts';
import { findLetters, isGivenUp, type JobLetters, placeNames } from './letters.ts';

export interface Asked {
  code?: string;
  /** What keeps the letters of a dead-letter topic; absent: our own. */
  subscription?: string;
}

/** What `sluice dlq list` shows. */
export interface LetterList extends Pick<Survey, 'waiting' | 'groups' | 'faults'> {
  jobId: string;
  deadLetters: number;
  places: string[];
  /** The ids of the replays, in their order. */
  replays: string[];
  missing: MissingLetters[];
}

/** The dead letters of a job and of its replays, by error code and transform. */
export async function listLetters(
  home: JobHome,
  jobId: string,
  { code, subscription }: Asked,
): Promise<LetterList> {
  const letters = await findLetters(home, jobId, subscription);
  const wanted: Wanted = { jobs: letters.jobs, code };
  const tally = new Map<string, number>();
  const found = tallied(readLetters(letters.places, home.config), tally);
  const { groups, count, waiting, faults } = await surveyLetters(found, wanted, await takenOf(home, letters));
  return {
    jobId,
    deadLetters: count,
    waiting,
    groups,
    places: placeNames(letters.places),
    replays: letters.replays.map(({ id }) => id),
    missing: missingLetters(letters.counted, tally),
    faults,
  };
}

async function takenOf({ config, store }: JobHome, { replays }: JobLetters): Promise<Set<string>> {
  const taken = new Set<string>();
  for (const { id } of replays) if (!isGivenUp(store.jobs.get(id))) await noteTaken(config, id, taken);
  return taken;
}

export interface AskedLetters extends Asked {
  id?: string;
  /** How many at most. */
  limit: number;
  /** Only so many characters of each payload; absent: all. */
  payloadCharacters?: number;
}

/** Dead letters, the first ones there are. @throws SluiceError DEAD_LETTER_NOT_FOUND */
export async function showLetters(
  home: JobHome,
  jobId: string,
  { code, id, limit, subscription, payloadCharacters }: AskedLetters,
): Promise<DeadLetter[]> {
  const { jobs, places } = await findLetters(home, jobId, subscription);
  const wanted: Wanted = { jobs, code, ...(id !== undefined && { ids: new Set([id]) }) };
  const letters: DeadLetter[] = [];
  for await (const found of readLetters(places, home.config)) {
    if ('letter' in found && isWanted(found.letter, wanted))
      letters.push(payloadCharacters === undefined ? found.letter : cut(found.letter, payloadCharacters));
    if (letters.length >= limit) break;
  }
  if (id !== undefined && letters.length === 0) throw noLetter(jobId, id);
  return letters;
}

/** One letter, and the ids of those before and after it. */
export interface OpenLetter {
  letter: DeadLetter;
  before?: string;
  after?: string;
}

/**
 * A dead letter among all of its job, or those with the error code.
 * @throws SluiceError DEAD_LETTER_NOT_FOUND
 */
export async function openLetter(
  home: JobHome,
  jobId: string,
  { code, id }: { code?: string; id: string },
): Promise<OpenLetter> {
  const { jobs, places } = await findLetters(home, jobId);
  let open: OpenLetter | undefined;
  let before: string | undefined;
  for await (const found of readLetters(places, home.config)) {
    if (!('letter' in found) || !isWanted(found.letter, { jobs, code })) continue;
    const { letter } = found;
    if (open) return { ...open, after: letter.id };
    if (letter.id === id) open = { letter, ...(before !== undefined && { before }) };
    before = letter.id;
  }
  if (!open) throw noLetter(jobId, id);
  return open;
}

const noLetter = (jobId: string, id: string): SluiceError =>
  new SluiceError('DEAD_LETTER_NOT_FOUND', `job ${jobId} has no dead letter ${id}`);

const cut = (letter: DeadLetter, characters: number): DeadLetter => ({
  ...letter,
  ...(letter.payload !== undefined && { payload: letter.payload.slice(0, characters) }),
  ...(letter.payloadBase64 !== undefined && { payloadBase64: letter.payloadBase64.slice(0, characters) }),
});
