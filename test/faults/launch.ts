import { loadConfig } from '../../src/config.ts';
import type { CrashPoint } from '../../src/engine/crash-point.ts';
import { type JobSummary, saveJob } from '../../src/jobs/job.ts';
import { type JobListener, type JobRun, runJob } from '../../src/jobs/run-job.ts';
import { type GivenParameters, type PreparedJob, prepareJob } from '../../src/launch/prepare.ts';
import { keepSecrets } from '../../src/launch/secrets.ts';

/** A job of a template, in a home of its own, that can be started again and again. */
export async function prepareIn(
  home: string,
  templateId: string,
  parameters: GivenParameters,
  env: NodeJS.ProcessEnv = {},
) {
  const config = loadConfig({ SLUICE_HOME: home, ...env });
  const prepared = await prepareJob(config, { templateId, parameters });
  await saveJob(config, prepared.job);
  await keepSecrets(config, prepared);
  return { config, prepared, env };
}

export type Prepared = Omit<Awaited<ReturnType<typeof prepareIn>>, 'env'> & { env?: NodeJS.ProcessEnv };

/** Starts the job, or goes on with it; its worker dies as it passes `crashAt`, if it does. */
export function startJob(
  { config, prepared, env: more }: Prepared,
  crashAt?: `${CrashPoint}:${number}`,
  listener?: JobListener,
): JobRun {
  const env: NodeJS.ProcessEnv = {
    ...more,
    SLUICE_HOME: config.home,
    SLUICE_CHECKPOINT_MS: String(config.checkpointMs ?? 1000),
    SLUICE_CRASH_AT: crashAt ?? '',
  };
  const before = { ...process.env };
  // The worker takes its environment from ours at the moment it is spawned.
  Object.assign(process.env, env);
  try {
    return runJob(config, prepared.job, prepared.graph, listener);
  } finally {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

/** True when the worker of this run was killed. */
export function wasKilled({ state, error }: JobSummary): boolean {
  if (state === 'FAILED' && error?.code === 'WORKER_LOST' && error.message.includes('SIGKILL')) return true;
  if (state === 'FAILED') throw new Error(`the job failed by itself: ${error?.message}`);
  return false;
}

export type { PreparedJob };
