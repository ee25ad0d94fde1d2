/** `sluice dlq replay`: chooses the letters, and runs them as a job of its own. */
import { resolve } from 'node:path';
import { loadConfig } from '../config.ts';
import { launchForeground } from '../launch/foreground.ts';
import { openStore } from '../store/store.ts';
import {
  type ChosenReplay,
  chooseReplay,
  type LaunchReplay,
  type ReplayRequest,
} from '../tasks/choose-replay.ts';
import { warnOfMissing } from './dlq-show.ts';
import { followJob } from './follow.ts';
import { printJson } from './output.ts';

export interface ReplayOptions extends Omit<ReplayRequest, 'ids'> {
  id?: string[];
  json?: boolean;
}

export async function replay(jobId: string, { id, json, udf, ...options }: ReplayOptions): Promise<void> {
  const config = loadConfig();
  const isLocal = udf !== undefined && !/^(?:gs|udf):\/\//.test(udf);
  const home = { config, store: openStore(config) };
  const request = {
    ...options,
    ...(id && { ids: id }),
    ...(udf !== undefined && { udf: isLocal ? resolve(udf) : udf }),
  };
  const launch: LaunchReplay = (prepared, replay) => launchForeground(home, prepared, replay);
  const chosen = await chooseReplay(home, jobId, request, launch);
  const { prepared, missing, warnings } = chosen;
  warnOfMissing(missing);
  for (const why of warnings) process.stderr.write(`warning: ${why}\n`);
  if (prepared) await followJob(home, prepared, { json });
  else tellNothing(jobId, chosen, json === true);
  home.store.close();
}

function tellNothing(jobId: string, { replayedBefore, missing }: ChosenReplay, json: boolean): void {
  if (missing.length > 0) process.exitCode = 1;
  if (json)
    printJson({ replayOf: jobId, replayed: 0, replayedBefore, ...(missing.length > 0 && { missing }) });
  else if (replayedBefore === 0) process.stdout.write('nothing to replay: no dead letters are there\n');
  else {
    const all = replayedBefore === 1 ? 'the letter was' : `all ${replayedBefore} letters were`;
    process.stdout.write(`nothing to replay: ${all} replayed before; --again replays once more\n`);
  }
}
