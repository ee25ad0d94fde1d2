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
import { type Client, connectIfNamed, type ServerOptions } from './client.ts';
import { warnOfMissing } from './dlq-show.ts';
import { followJob } from './follow.ts';
import { printJson } from './output.ts';
import { getJob } from './server-job.ts';
import { waitForJob } from './server-wait.ts';

export interface ReplayOptions extends Omit<ReplayRequest, 'ids'>, ServerOptions {
  id?: string[];
  json?: boolean;
}

export async function replay(jobId: string, options: ReplayOptions): Promise<void> {
  const { id, json = false, udf, server: _, tokenFile: __, ...more } = options;
  const client = connectIfNamed(options);
  // A server elsewhere has other files.
  const isHere = udf !== undefined && !/^(?:gs|udf):\/\//.test(udf) && client?.isLocal !== false;
  const request = {
    ...more,
    ...(id && { ids: id }),
    ...(udf !== undefined && { udf: isHere ? resolve(udf) : udf }),
  };
  if (client) await replayThere(client, jobId, request, json);
  else await replayHere(jobId, request, json);
}

async function replayHere(jobId: string, request: ReplayRequest, json: boolean): Promise<void> {
  const config = loadConfig();
  const home = { config, store: openStore(config) };
  const launch: LaunchReplay = (prepared, replay) => launchForeground(home, prepared, replay && { replay });
  const chosen = await chooseReplay(home, jobId, request, launch);
  warn(chosen);
  if (chosen.prepared) await followJob(home, chosen.prepared, { json });
  else tellNothing(jobId, chosen, json);
  home.store.close();
}

/** The server runs it; we wait for its end. */
async function replayThere(client: Client, jobId: string, body: ReplayRequest, json: boolean): Promise<void> {
  const path = `/api/jobs/${encodeURIComponent(jobId)}:replay`;
  const { job, ...chosen } = await client.post<ChosenReplay & { job?: { id: string } }>(path, { body });
  warn(chosen);
  if (job) await waitForJob(client, await getJob(client, job.id), json);
  else tellNothing(jobId, chosen, json);
}

function warn({ missing, warnings }: ChosenReplay): void {
  warnOfMissing(missing);
  for (const why of warnings) process.stderr.write(`warning: ${why}\n`);
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
