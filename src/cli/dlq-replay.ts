/** `sluice dlq replay`: chooses the letters, and runs them as a job of its own. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Config, jobDirectory, loadConfig } from '../config.ts';
import { noteTaken } from '../dlq/ledger.ts';
import { type MissingLetters, missingLetters, tallied } from '../dlq/missing.ts';
import { readLetters } from '../dlq/read.ts';
import { branchesOf } from '../dlq/replay-graph.ts';
import { lettersFile } from '../dlq/replay-source.ts';
import { type Chosen, selectLetters } from '../dlq/select.ts';
import { keepTopics } from '../dlq/topic.ts';
import { SluiceError } from '../errors.ts';
import { loadState, saveJob, saveState } from '../jobs/job.ts';
import { addReplay } from '../jobs/replays.ts';
import { type GivenParameters, type PreparedJob, prepareReplay } from '../launch/prepare.ts';
import type { Job } from '../worker/job-file.ts';
import { findLetters, type JobLetters, warnOfMissing } from './dlq-letters.ts';
import { followJob } from './follow.ts';
import { printJson } from './output.ts';

export interface ReplayOptions {
  code?: string;
  id?: string[];
  udf?: string;
  function?: string;
  parameters?: GivenParameters;
  again?: boolean;
  maxAttempts: number;
  subscription?: string;
  json?: boolean;
}

/** Others may launch replays of the same job at the same time; one of them is always the first. */
const MAX_TRIES = 5;

export async function replay(jobId: string, options: ReplayOptions): Promise<void> {
  const config = loadConfig();
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const letters = await findLetters(config, jobId, options.subscription);
    const taken = await takenBefore(config, letters.replays, options);
    const prepared = await prepareReplay(config, letters.asked, {
      udf: udfOf(options),
      parameters: options.parameters,
    });
    const isLaunched = await launch(config, letters, taken, prepared, options);
    if (isLaunched) return;
  }
  throw new SluiceError('REPLAY_REFUSED', `others launch replays of job ${jobId}: try again`);
}

/** False when another replay was launched meanwhile. */
async function launch(
  config: Config,
  letters: JobLetters,
  taken: Set<string>,
  prepared: PreparedJob,
  options: ReplayOptions,
): Promise<boolean> {
  const { root, launched, jobs, places } = letters;
  const { job, graph } = prepared;
  const isSource = ({ component }: (typeof graph.nodes)[number]) => component.kind === 'source';
  const tally = new Map<string, number>();
  const told = await selectLetters(() => tallied(readLetters(places, config), tally), {
    jobs,
    code: options.code,
    ...(options.id && { ids: new Set(options.id) }),
    taken,
    maxAttempts: options.maxAttempts,
    sources: new Set(graph.nodes.filter(isSource).map(({ id }) => id)),
    fileOf: source => lettersFile(config, job.id, source),
  });
  const missing = missingLetters(letters.counted, tally);
  if (told.chosen === 0) warnOfMissing(missing);
  if (told.unknown.length > 0)
    throw new SluiceError(
      'DEAD_LETTER_NOT_FOUND',
      `job ${letters.asked.id} has no dead letter ${told.unknown.join(', ')}`,
    );
  if (told.chosen === 0) {
    tellNothing(job, told, missing, options);
    return true;
  }
  await saveJob(config, job);
  // Whoever finds it noted must see that somebody runs it.
  await saveState(config, job.id, 'RUNNING');
  const added = await addReplay(config, root.id, launched, job.id);
  if (!added) {
    await rm(jobDirectory(config, job.id), { recursive: true, force: true });
    return false;
  }
  warnOfMissing(missing);
  for (const why of leftOut(told, options)) process.stderr.write(`warning: ${why}\n`);
  for (const stages of branchesOf(graph))
    process.stderr.write(`warning: ${stages} read the same elements: each takes the replayed ones again\n`);
  await keepTopics(job.deadLetters ?? [], config);
  await followJob(config, prepared, options);
  return true;
}

/**
 * The letters that replays have taken; none with `--again`. A replay that has written something and not ended is to
 * be resumed, since nobody else knows how far it came; one of which nothing has come is given up.
 */
async function takenBefore(
  config: Config,
  replays: readonly Job[],
  { again = false }: ReplayOptions,
): Promise<Set<string>> {
  const taken = new Set<string>();
  for (const { id } of replays) {
    const status = await loadState(config, id);
    if (status?.state === 'CANCELLED') continue;
    const progress = await noteTaken(config, id, taken);
    if (progress === 'ended') continue;
    if (status?.alive)
      throw new SluiceError('REPLAY_REFUSED', `the replay ${id} is under way: wait for its end`);
    if (progress === 'begun' && !again)
      throw new SluiceError(
        'REPLAY_REFUSED',
        `the replay ${id} was interrupted: \`sluice resume ${id}\` goes on with it, --again gives it up`,
      );
    await saveState(config, id, 'CANCELLED');
  }
  return again ? new Set() : taken;
}

function udfOf({ udf, function: name }: ReplayOptions) {
  if (udf === undefined && name === undefined) return undefined;
  const isLocal = udf !== undefined && !/^(?:gs|udf):\/\//.test(udf);
  const path = isLocal ? resolve(udf) : udf;
  return { ...(path !== undefined && { path }), ...(name !== undefined && { function: name }) };
}

/** Says why nothing is replayed. @throws SluiceError REPLAY_REFUSED when there is something that cannot be */
function tellNothing(
  { replay: of }: Job,
  told: Chosen,
  missing: readonly MissingLetters[],
  options: ReplayOptions,
): void {
  const reasons = leftOut(told, options);
  if (reasons.length > 0)
    throw new SluiceError('REPLAY_REFUSED', `nothing is replayed: ${reasons.join('; ')}`);
  const { replayedBefore } = told;
  if (missing.length > 0) process.exitCode = 1;
  if (options.json)
    printJson({ replayOf: of?.of, replayed: 0, replayedBefore, ...(missing.length > 0 && { missing }) });
  else if (replayedBefore === 0) process.stdout.write('nothing to replay: no dead letters are there\n');
  else {
    const all = replayedBefore === 1 ? 'the letter was' : `all ${replayedBefore} letters were`;
    process.stdout.write(`nothing to replay: ${all} replayed before; --again replays once more\n`);
  }
}

function leftOut({ triedTooOften, withoutSource, faults }: Chosen, { maxAttempts }: ReplayOptions): string[] {
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
