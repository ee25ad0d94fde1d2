/** Waits for a job of a server: tells how it goes, as `sluice run` does, and what it came to. */
import type { Totals } from '../engine/counters.ts';
import { type ErrorCode, errorKinds } from '../errors.ts';
import { isEnded } from '../store/states.ts';
import type { Client } from './client.ts';
import { describeMessage, describeProgress, statusLine, tellEnd } from './live.ts';
import { printJson } from './output.ts';
import { eventsOf } from './server-events.ts';
import { getJob, type ServedJob, summaryOf } from './server-job.ts';
import { printable } from './tables.ts';

const INTERRUPTED_STATUS = 130;

/** Follows the job to its end and sets the exit status by it; Ctrl-C stops the waiting, not the job. */
export async function waitForJob(client: Client, job: ServedJob, json: boolean): Promise<void> {
  const stopped = new AbortController();
  const stop = () => stopped.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  if (!json && !isEnded(job.state))
    process.stderr.write(`waiting for job ${job.id} (${job.name}); Ctrl-C stops only the waiting\n`);
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
  if (isEnded(job.state)) return job;
  const started = Date.parse(job.startTime ?? job.createTime);
  const isOver = async () => isEnded((await getJob(client, job.id)).state);
  // An error may be the one that the job ends with, which is told with what to do about it.
  let held: Message | undefined;
  const print = (message: Message) => status.print(printable(describeMessage(message)), message.severity);
  const release = () => {
    if (held) print(held);
    held = undefined;
  };
  for await (const { type, data } of eventsOf(client, `/api/jobs/${job.id}/events`, { isOver, signal })) {
    if (type === 'end') break;
    if (type === 'message') {
      release();
      const message = data as Message;
      if (message.severity === 'ERROR') held = message;
      else print(message);
    } else if (type === 'progress') {
      const { totals, watermark } = data as Progress;
      if (totals) status.update(describeProgress(totals, watermark, started));
    } else if (type === 'state') {
      const { state } = data as ServedJob;
      if (!isEnded(state)) release();
      status.update(`job ${job.id} ${state}`);
    }
  }
  const ended = signal.aborted ? undefined : await getJob(client, job.id);
  if (held && !ended?.result?.error?.message.includes(held.text)) release();
  return ended;
}

type Message = { severity: string; text: string; stage?: string };
type Progress = { totals?: Totals; watermark?: number };

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
