/** Jobs that the process that launches them runs itself. */
import type { Config } from '../config.ts';
import { SluiceError } from '../errors.ts';
import { enter, isUnderWay, takeUp } from '../jobs/foreground-owner.ts';
import { saveJob } from '../jobs/job.ts';
import { containerName } from '../launchers/docker/names.ts';
import type { JobRecord } from '../store/record.ts';
import type { JobHome } from '../store/store.ts';
import type { PreparedJob } from './prepare.ts';
import { type Launched, newRecord } from './record.ts';
import { withSecrets } from './secrets.ts';

/** Saves a job and takes it into the store. @throws SluiceError REPLAY_REFUSED when another replay has the number */
export async function launchForeground(
  { config, store }: JobHome,
  prepared: Pick<PreparedJob, 'job' | 'secrets'>,
  launched: Partial<Launched> = {},
): Promise<void> {
  await withSecrets(config, prepared, async () => {
    await saveJob(config, prepared.job);
    enter(store, recordOf(prepared, launched));
  });
}

/** @throws SluiceError JOB_NOT_RESUMABLE */
export async function resumeForeground(
  { config, store }: JobHome,
  prepared: Pick<PreparedJob, 'job'>,
): Promise<void> {
  const { id, program } = prepared.job;
  const before = store.jobs.get(id);
  if (!program || (before && isUnderWay(before))) return takeUp(store, recordOf(prepared));
  const name = await runningContainer(config, id);
  const does =
    name === undefined ? 'ran a program' : `runs a program, which works on in the container ${name}`;
  const advice =
    name === undefined ? '' : `: \`docker stop ${name}\` ends it, and so does a server of this home`;
  throw new SluiceError(
    'JOB_NOT_RESUMABLE',
    `job ${id} ${does}; it is not started again, since it might do twice what it has done${advice}`,
  );
}

/** The name of the container in which the program of a job works; undefined too where no engine answers. */
async function runningContainer(config: Config, id: string): Promise<string | undefined> {
  const { connectEngine, inTime } = await import('../launchers/docker/engine.ts');
  try {
    const engine = await connectEngine(config);
    const name = containerName(id, 0);
    const { State: state } = await engine.getContainer(name).inspect(inTime());
    return state.Running ? name : undefined;
  } catch {
    // Without an engine, or on another one, nothing of it runs that we could tell of.
    return undefined;
  }
}

const recordOf = (prepared: Pick<PreparedJob, 'job'>, launched: Partial<Launched> = {}): JobRecord =>
  newRecord(prepared, { launchedBy: 'local', owner: 'foreground', ...launched });
