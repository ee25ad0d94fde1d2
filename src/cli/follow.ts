/** Follows a job in the foreground: live progress on a terminal, Ctrl-C, and the summary at the end. */
import { totalsOf } from '../engine/counters.ts';
import { runForeground } from '../jobs/foreground.ts';
import type { JobListener } from '../jobs/run-job.ts';
import type { PreparedJob } from '../launch/prepare.ts';
import type { JobHome } from '../store/store.ts';
import { describeMessage, describeProgress, statusLine, tellEnd } from './live.ts';
import { harmless } from './tables.ts';

/** Runs a job, which belongs to this process, to its end, tells how it goes, and sets the exit status. */
export async function followJob(
  home: JobHome,
  { job, graph }: Pick<PreparedJob, 'job' | 'graph'>,
  { json }: { json?: boolean },
): Promise<void> {
  // What a program has to say is all that is known of what it does.
  const status = statusLine(job.program !== undefined);
  const started = Date.now();
  status.print(`job ${job.id} starting`);
  const listener: JobListener = {
    onRunning: () => status.print(`job ${job.id} running${job.streaming ? '; Ctrl-C drains it' : ''}`),
    onProgress: progress =>
      status.update(describeProgress(totalsOf(graph, progress.counters), progress.watermark, started)),
    onMessage: message => status.print(harmless(describeMessage(message)), message.severity),
  };
  const run = job.container
    ? (await import('../jobs/foreground-containers.ts')).runContainers(home, job, listener)
    : runForeground(home, { job, graph }, listener);
  const stopListening = onInterrupts(
    () => {
      status.print('draining: what was read is being written; again to cancel');
      run.drain();
    },
    () => {
      status.print('cancelling');
      run.cancel();
    },
  );
  const summary = await run.ended.finally(stopListening);
  status.clear();
  tellEnd(summary, json === true);
}

/** Ctrl-C (or SIGTERM) drains, the second one cancels. Gives the function that ends the listening. */
function onInterrupts(drain: () => void, cancel: () => void): () => void {
  let interrupts = 0;
  const listener = () => (++interrupts === 1 ? drain() : cancel());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, listener);
  };
}
