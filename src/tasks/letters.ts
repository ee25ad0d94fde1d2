/** The dead letters of a job: the job with its replays, and every place they write to. */
import { type CountedLetters, countLetters } from '../dlq/missing.ts';
import { type LetterPlace, letterPlaces } from '../dlq/places.ts';
import { describePlace, isReadable } from '../dlq/read.ts';
import { collectTopic, topicOf } from '../dlq/topic.ts';
import { SluiceError } from '../errors.ts';
import { loadJob } from '../jobs/job.ts';
import type { JobRecord } from '../store/record.ts';
import type { JobHome } from '../store/store.ts';
import { graphOf } from '../worker/graph.ts';
import type { Job } from '../worker/job-file.ts';

export interface JobLetters {
  asked: Job;
  /** The job that is no replay itself. */
  root: Job;
  /** The replays of the root, in their order; the asked job may be one of them. */
  replays: Job[];
  /** How many replays were launched, also those whose files have gone. */
  launched: number;
  /** Whose letters are asked for: with the root those of its replays too. */
  jobs: ReadonlySet<string>;
  places: LetterPlace[];
  /** What those jobs have counted, as far as they have ended: a running one may not have published all. */
  counted: CountedLetters[];
}

const MAX_DEPTH = 1000;

/** Finds them, and collects those that wait in topics. @throws SluiceError when there is nothing that could be read */
export async function findLetters(
  { config, store }: JobHome,
  id: string,
  subscription?: string,
): Promise<JobLetters> {
  const asked = await loadJob(config, id);
  let root = asked;
  for (let depth = 0; root.replay && depth < MAX_DEPTH; depth++) root = await loadJob(config, root.replay.of);
  const ids = store.jobs.replaysOf(root.id);
  // Retention may have removed some.
  const loaded = await Promise.all(ids.map(each => loadJob(config, each).catch(ignoreMissing)));
  const replays = loaded.filter(job => job !== undefined);
  const wanted = asked === root ? [root, ...replays] : [asked];
  const placesOf = (each: Job) => each.deadLetters ?? letterPlaces(graphOf(each), each.id);
  const places = [root, asked, ...replays].flatMap(placesOf);
  const readable = places.filter(isReadable);
  if (readable.length === 0) throw notReadable(asked, places);
  const topics = new Set(readable.flatMap(place => topicOf(place) ?? []));
  for (const topic of topics) await collectTopic(topic, config, subscription);
  const counted: CountedLetters[] = [];
  for (const each of wanted) {
    const state = store.jobs.get(each.id)?.state;
    if (state === 'DONE' || state === 'DRAINED')
      counted.push(await countLetters(config, each.id, placesOf(each).filter(isReadable)));
  }
  const jobs = new Set(wanted.map(each => each.id));
  return { asked, root, replays, launched: ids.length, jobs, places: readable, counted };
}

/** True for a replay of which nothing counts: its letters wait for another one. */
export const isGivenUp = (replay: JobRecord | undefined): boolean =>
  replay?.givenUp === true || replay?.state === 'CANCELLED';

/** The places, each once, as they are told. */
export const placeNames = (places: readonly LetterPlace[]): string[] => [
  ...new Set(places.map(describePlace)),
];

function notReadable({ id, program }: Job, [first]: LetterPlace[]): SluiceError {
  const other = program && 'it runs a program, whose failures only that knows';
  const why = first
    ? `its dead letters are in ${describePlace(first)}, which cannot be read from here`
    : (other ?? 'none of its error outputs goes through EncodeDeadLetters into a sink');
  return new SluiceError('REPLAY_REFUSED', `job ${id} keeps no dead letters to look at: ${why}`);
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof SluiceError) || error.code !== 'JOB_NOT_FOUND') throw error;
}
