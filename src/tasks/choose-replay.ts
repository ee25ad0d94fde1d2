/** Chooses the dead letters of a replay, and prepares the job that runs them again. */
import { rm } from 'node:fs/promises';
import { type Config, jobDirectory } from '../config.ts';
import { noteTaken } from '../dlq/ledger.ts';
import { type MissingLetters, missingLetters, tallied } from '../dlq/missing.ts';
import { readLetters } from '../dlq/read.ts';
import { branchesOf } from '../dlq/replay-graph.ts';
import { lettersFile } from '../dlq/replay-source.ts';
import { type Chosen, selectLetters } from '../dlq/select.ts';
import { keepTopics } from '../dlq/topic.ts';
import { SluiceError } from '../errors.ts';
import { giveUp, isUnderWay } from '../jobs/foreground-owner.ts';
import { inContainersLike } from '../launch/container.ts';
import { type GivenParameters, type PreparedJob, prepareReplay } from '../launch/prepare.ts';
import type { JobRecord } from '../store/record.ts';
import type { JobHome } from '../store/store.ts';
import type { Job } from '../worker/job-file.ts';
import { findLetters, isGivenUp, type JobLetters } from './letters.ts';
import type { Asked } from './look-at-letters.ts';

export interface ReplayRequest extends Asked {
  /** Only these letters. */
  ids?: string[];
  /** Another script for the function, or … */
  udf?: string;
  /** … another function of the script. */
  function?: string;
  /** Parameters of the template to be changed. */
  parameters?: GivenParameters;
  /** Also those that were replayed before. */
  again?: boolean;
  /** What was tried so often is not tried again. */
  maxAttempts: number;
  /** The id of the job that runs them again; absent: a new one. */
  replayId?: string;
}

/** What is to be run, or why that is nothing. */
export interface ChosenReplay {
  /** Launched, with its letters in its folder; absent: all letters were replayed before, or none are there. */
  prepared?: PreparedJob;
  replayedBefore: number;
  /** Letters that are not where their job put them. */
  missing: MissingLetters[];
  /** What was left out, in words, and what is to be minded. */
  warnings: string[];
}

/** Others may launch replays of the same job at the same time; one of them is always the first. */
const MAX_TRIES = 5;

/** Saves a replay and takes it into the store under this number, where others see that it is under way. */
export type LaunchReplay = (prepared: PreparedJob, replay: JobRecord['replay']) => Promise<unknown>;

/** @throws SluiceError REPLAY_REFUSED, DEAD_LETTER_NOT_FOUND */
export async function chooseReplay(
  home: JobHome,
  jobId: string,
  request: ReplayRequest,
  launch: LaunchReplay,
): Promise<ChosenReplay> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const letters = await findLetters(home, jobId, request.subscription);
    const taken = await takenBefore(home, letters.replays, request);
    const rendered = await prepareReplay(home.config, letters.asked, {
      udf: udfOf(request),
      parameters: request.parameters,
      id: request.replayId,
    });
    const { container } = letters.asked;
    const prepared = container ? inContainersLike(home.config, rendered, container) : rendered;
    const chosen = await choose(home.config, letters, taken, prepared, request, launch);
    if (chosen) return chosen;
  }
  throw new SluiceError('REPLAY_REFUSED', `others launch replays of job ${jobId}: try again`);
}

/** Undefined when another replay was launched meanwhile. */
async function choose(
  config: Config,
  letters: JobLetters,
  taken: Set<string>,
  prepared: PreparedJob,
  request: ReplayRequest,
  launch: LaunchReplay,
): Promise<ChosenReplay | undefined> {
  const { root, launched, jobs, places } = letters;
  const { job, graph } = prepared;
  const isSource = ({ component }: (typeof graph.nodes)[number]) => component.kind === 'source';
  const tally = new Map<string, number>();
  const told = await selectLetters(() => tallied(readLetters(places, config), tally), {
    jobs,
    code: request.code,
    ...(request.ids && { ids: new Set(request.ids) }),
    taken,
    maxAttempts: request.maxAttempts,
    sources: new Set(graph.nodes.filter(isSource).map(({ id }) => id)),
    fileOf: source => lettersFile(config, job.id, source),
  });
  const { replayedBefore, unknown } = told;
  const missing = missingLetters(letters.counted, tally);
  const violations = missing.map(({ job: subject, counted, found, why }) => ({
    subject,
    message: `counted ${counted} dead letters, ${found} are found: ${why}`,
  }));
  if (unknown.length > 0) {
    const message = `job ${letters.asked.id} has no dead letter ${unknown.join(', ')}`;
    throw new SluiceError('DEAD_LETTER_NOT_FOUND', message, { violations });
  }
  const reasons = leftOut(told, request);
  if (told.chosen === 0 && reasons.length > 0)
    throw new SluiceError('REPLAY_REFUSED', `nothing is replayed: ${reasons.join('; ')}`, { violations });
  if (told.chosen === 0) return { replayedBefore, missing, warnings: [] };
  await keepTopics(job.deadLetters ?? [], config);
  try {
    await launch(prepared, { root: root.id, number: launched });
  } catch (error) {
    await rm(jobDirectory(config, job.id), { recursive: true, force: true });
    if (error instanceof SluiceError && error.code === 'REPLAY_REFUSED') return undefined;
    throw error;
  }
  const shared = branchesOf(graph).map(
    stages => `${stages} read the same elements: each takes the replayed ones again`,
  );
  return { prepared, replayedBefore, missing, warnings: [...reasons, ...shared] };
}

/**
 * The letters that replays have taken; none with `--again`. A replay that has written something and not ended is to
 * be resumed, since nobody else knows how far it came; one of which nothing has come is given up.
 */
async function takenBefore(
  { config, store }: JobHome,
  replays: readonly Job[],
  { again = false }: ReplayRequest,
): Promise<Set<string>> {
  const taken = new Set<string>();
  for (const { id } of replays) {
    const record = store.jobs.require(id);
    if (isGivenUp(record)) continue;
    const progress = await noteTaken(config, id, taken);
    if (progress === 'ended') continue;
    if (isUnderWay(record))
      throw new SluiceError('REPLAY_REFUSED', `the replay ${id} is under way: wait for its end`);
    if (progress === 'begun' && !again)
      throw new SluiceError(
        'REPLAY_REFUSED',
        `the replay ${id} was interrupted: \`sluice resume ${id}\` goes on with it, --again gives it up`,
      );
    giveUp(store, id);
  }
  return again ? new Set() : taken;
}

function udfOf({ udf: path, function: name }: ReplayRequest) {
  if (path === undefined && name === undefined) return undefined;
  return { ...(path !== undefined && { path }), ...(name !== undefined && { function: name }) };
}

function leftOut({ triedTooOften, withoutSource, faults }: Chosen, { maxAttempts }: ReplayRequest): string[] {
  const reasons: string[] = [];
  if (triedTooOften > 0)
    reasons.push(
      `${triedTooOften} letters were tried ${maxAttempts} times or more: --max-attempts lets them try again`,
    );
  if (withoutSource > 0)
    reasons.push(
      `${withoutSource} letters were made by a grouping, which cannot be given its elements again`,
    );
  if (faults > 0) reasons.push(`${faults} lines are no dead letters: \`sluice dlq list\` names them`);
  return reasons;
}
