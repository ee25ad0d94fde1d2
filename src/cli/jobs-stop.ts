/** `sluice jobs drain`, `cancel` and `wait`. */
import { connect } from './client.ts';
import type { JobOptions } from './jobs-show.ts';
import { printJson } from './output.ts';
import { dataflowPath, findActiveJob, findJob, getJob } from './server-job.ts';
import { waitForJob } from './server-wait.ts';

/** Asks the job to stop, and does not wait until it has. */
export async function stop(idOrName: string, how: 'drain' | 'cancel', options: JobOptions): Promise<void> {
  const client = connect(options);
  const job = await findActiveJob(client, idOrName);
  const requestedState = how === 'drain' ? 'JOB_STATE_DRAINED' : 'JOB_STATE_CANCELLED';
  await client.put(dataflowPath(job), { body: { requestedState } });
  const now = await getJob(client, job.id);
  if (options.json) printJson(now);
  else process.stdout.write(`${now.state}  job ${now.id}\n`);
}

export async function wait(idOrName: string, options: JobOptions): Promise<void> {
  const client = connect(options);
  await waitForJob(client, await findJob(client, idOrName), options.json === true);
}
