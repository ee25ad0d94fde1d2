/** The dead letters of a job as the commands see them: the job with its replays, and every place they write to. */
import type { Config } from '../config.ts';
import { type LetterPlace, letterPlaces } from '../dlq/places.ts';
import { describePlace, isReadable } from '../dlq/read.ts';
import { collectTopic, topicOf } from '../dlq/topic.ts';
import { SluiceError } from '../errors.ts';
import { loadJob } from '../jobs/job.ts';
import { listReplays } from '../jobs/replays.ts';
import { graphOf } from '../worker/graph.ts';
import type { Job } from '../worker/job-file.ts';

export interface JobLetters {
  asked: Job;
  /** The job that is no replay itself. */
  root: Job;
  /** The replays of the root, in their order; the asked job may be one of them. */
  replays: Job[];
  /** How many replays were noted, also those that never came to be. */
  launched: number;
  /** Whose letters are asked for: with the root those of its replays too. */
  jobs: ReadonlySet<string>;
  places: LetterPlace[];
}

const MAX_DEPTH = 1000;

/** Finds them, and collects those that wait in topics. @throws SluiceError when there is nothing that could be read */
export async function findLetters(config: Config, id: string, subscription?: string): Promise<JobLetters> {
  const asked = await loadJob(config, id);
  let root = asked;
  for (let depth = 0; root.replay && depth < MAX_DEPTH; depth++) root = await loadJob(config, root.replay.of);
  const ids = await listReplays(config, root.id);
  // One whose record is missing was never started.
  const loaded = await Promise.all(ids.map(each => loadJob(config, each).catch(ignoreMissing)));
  const replays = loaded.filter(job => job !== undefined);
  const jobs = new Set(asked === root ? [root.id, ...replays.map(each => each.id)] : [asked.id]);
  const places = [root, asked, ...replays].flatMap(
    each => each.deadLetters ?? letterPlaces(graphOf(each), each.id),
  );
  const readable = places.filter(isReadable);
  if (readable.length === 0) throw notReadable(asked, places);
  const topics = new Set(readable.flatMap(place => topicOf(place) ?? []));
  for (const topic of topics) await collectTopic(topic, config, subscription);
  return { asked, root, replays, launched: ids.length, jobs, places: readable };
}

/** The places, each once, as they are told. */
export const placeNames = (places: readonly LetterPlace[]): string[] => [
  ...new Set(places.map(describePlace)),
];

function notReadable({ id }: Job, [first]: LetterPlace[]): SluiceError {
  const why = first
    ? `its dead letters are in ${describePlace(first)}, which cannot be read from here`
    : 'none of its error outputs goes through EncodeDeadLetters into a sink';
  return new SluiceError('REPLAY_REFUSED', `job ${id} keeps no dead letters to look at: ${why}`);
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof SluiceError) || error.code !== 'JOB_NOT_FOUND') throw error;
}
