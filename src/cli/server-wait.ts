/** Waits for a job of a server: tells how it goes, as `sluice run` does, and what it came to. */
import { type ErrorCode, errorKinds } from '../errors.ts';
import { isEnded } from '../store/states.ts';
import type { Client } from './client.ts';
import { describeMessage, describeProgress, statusLine, tellEnd } from './live.ts';
import { printJson } from './output.ts';
import { eventsOf, isLoss } from './server-events.ts';
import { getJob, type ServedJob, summaryOf, totalsOf } from './server-job.ts';
import { printable } from './tables.ts';

const INTERRUPTED_STATUS = 130;
const REFRESH_MS = 500;

/** Follows the job to its end and sets the exit status by it; Ctrl-C stops the waiting, not the job. */
export async function waitForJob(client: Client, job: ServedJob, json: boolean): Promise<void> {
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const status = statusLine();
  const ended = await follow(client, job, status, stopped.signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  status.clear();
  if (ended) tell(ended, json);
  else leave(job, json);
}

/** The job once it has ended; undefined when the user has stopped waiting. */
async function follow(
  client: Client,
  job: ServedJob,
  status: ReturnType<typeof statusLine>,
  signal: AbortSignal,
): Promise<ServedJob | undefined> {
  const started = Date.parse(job.startTime ?? job.createTime);
  let now = job;
  let refreshedAt = 0;
  const refresh = async (): Promise<boolean> => {
    refreshedAt = Date.now();
    now = await getJob(client, job.id);
    if (now.state === 'QUEUED') status.update(`job ${job.id} waits until others have ended`);
    else status.update(`${now.state}  ${describeProgress(totalsOf(now), now.watermark, started)}`);
    return isEnded(now.state);
  };
  if (isEnded(job.state)) return job;
  for await (const { type, data } of eventsOf(client, `/api/jobs/${job.id}/events`, {
    isOver: refresh,
    signal,
  })) {
    if (type === 'message') {
      const message = data as { severity: string; text: string; stage?: string };
      status.print(printable(describeMessage(message)), message.severity);
    } else if (type === 'state' || Date.now() - refreshedAt >= REFRESH_MS) {
      // A server that is being restarted says nothing for a moment; the events will find it again.
      if (await refresh().catch(error => (isLoss(error) ? false : Promise.reject(error)))) break;
    }
  }
  return isEnded(now.state) ? now : undefined;
}

function tell(job: ServedJob, json: boolean): void {
  const summary = summaryOf(job);
  const { state, error } = summary;
  if (state === 'FAILED')
    summary.error = { message: `job ${job.id} failed`, ...error, code: knownCode(error?.code) };
  tellEnd(summary, json);
  if (state === 'UPDATED' && !json) process.stdout.write(`  job ${job.replacedBy} goes on in its place\n`);
}

/** A newer server may have codes that we do not know. */
const knownCode = (code = ''): ErrorCode =>
  Object.hasOwn(errorKinds, code) ? (code as ErrorCode) : 'INTERNAL';

function leave({ id, state }: ServedJob, json: boolean): void {
  process.exitCode = INTERRUPTED_STATUS;
  if (json) printJson({ jobId: id, state, waiting: false });
  else
    process.stderr.write(
      `job ${id} goes on: \`sluice jobs wait ${id}\` waits again, \`sluice jobs cancel ${id}\` stops it\n`,
    );
}
