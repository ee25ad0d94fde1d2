/** A container that runs a program of somebody else's: it gets arguments, a folder of its own, and nothing of ours. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import { lookUp } from '../../engine/secrets.ts';
import { SluiceError } from '../../errors.ts';
import type { JobContainer } from '../../worker/container.ts';
import type { Job } from '../../worker/job-file.ts';
import { workerDirectory } from '../../worker/places.ts';
import { giveFolder } from './owner.ts';
import { wasStarted } from './program-state.ts';
import type { SecretFiles } from './secrets.ts';
import { type Errand, mountOf } from './worker.ts';

/** Where a program keeps what it needs after a restart of itself or of the server. */
const STATE = '/state';

/**
 * What the program's container is made with.
 * @throws SluiceError PROGRAM_FAILED when it was started before: what it has written would be written twice
 */
export async function programErrand(
  config: Config,
  job: Job,
  container: JobContainer,
  jobFile: string,
  index: number,
): Promise<Errand> {
  const { arguments: command = [], secrets = {}, jobName = job.id } = job.program ?? {};
  if (wasStarted(workerDirectory(jobFile, index)))
    throw new SluiceError(
      'PROGRAM_FAILED',
      'the container of the program is gone; it is not started again, since it might do twice what it has done: launch it anew',
    );
  const state = join(workerDirectory(join(realpathSync(dirname(jobFile)), 'job.json'), index), 'state');
  giveFolder(state);
  return {
    secrets: await secretsOf(config, job.id, secrets),
    errand: {
      jobId: job.id,
      index,
      container,
      command,
      environment: {
        SLUICE_JOB_ID: job.id,
        SLUICE_JOB_NAME: jobName,
        SLUICE_WORKER_INDEX: String(index),
        SLUICE_WORKER_COUNT: String(job.workers),
        SLUICE_STATE_DIR: STATE,
      },
      mounts: [{ source: state, target: STATE, isWritable: true }, ...container.mounts.map(mountOf)],
    },
  };
}

async function secretsOf(
  config: Config,
  jobId: string,
  references: Readonly<Record<string, string>>,
): Promise<SecretFiles> {
  const files: SecretFiles = {};
  for (const [name, reference] of Object.entries(references))
    files[name] = await lookUp(reference, { config, jobId });
  return files;
}
