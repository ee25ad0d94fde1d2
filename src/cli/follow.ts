/** Follows a job in the foreground: live progress on a terminal, Ctrl-C, and the summary at the end. */
import { styleText } from 'node:util';
import type { Config } from '../config.ts';
import { totalsOf } from '../engine/counters.ts';
import { type ErrorCode, SluiceError } from '../errors.ts';
import type { JobSummary } from '../jobs/job.ts';
import { runJob } from '../jobs/run-job.ts';
import type { PreparedJob } from '../launch/prepare.ts';
import type { WorkerEvent, WorkerProgress } from '../worker/protocol.ts';
import { failWith, printJson } from './output.ts';

const CANCELLED_STATUS = 130;
const REFUSED_STATUS = 2;

/** Runs the job to its end, tells how it goes, and sets the exit status. */
export async function followJob(
  config: Config,
  { job, graph }: PreparedJob,
  { json }: { json?: boolean },
): Promise<void> {
  const status = statusLine();
  const started = Date.now();
  status.print(`job ${job.id} starting`);
  const run = runJob(config, job, graph, {
    onRunning: () => status.print(`job ${job.id} running${job.streaming ? '; Ctrl-C drains it' : ''}`),
    onProgress: progress => status.update(describe(totalsOf(graph, progress.counters), progress, started)),
    onMessage: message => status.print(describeMessage(message), message.severity),
  });
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
  tell(summary, json === true);
}

function tell(summary: JobSummary, json: boolean): void {
  const { error, state } = summary;
  const fault = error && new SluiceError(error.code as ErrorCode, error.message);
  // A job that was refused has nothing to sum up.
  if (fault?.exitStatus === REFUSED_STATUS) {
    failWith(fault, json);
    return;
  }
  if (fault && !json) failWith(fault, json);
  if (json) printJson(summary);
  else process.stdout.write(describeSummary(summary));
  process.exitCode = state === 'CANCELLED' ? CANCELLED_STATUS : (fault?.exitStatus ?? 0);
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

type Totals = ReturnType<typeof totalsOf>;

function describe({ elements }: Totals, { watermark }: WorkerProgress, started: number): string {
  const { read, written, filtered, deadLettered } = elements;
  const rate = read / Math.max(0.001, (Date.now() - started) / 1000);
  const parts = [
    `${count(rate)}/s`,
    `read ${count(read)}`,
    `written ${count(written)}`,
    `filtered ${count(filtered)}`,
    `dead-lettered ${count(deadLettered)}`,
  ];
  if (watermark !== undefined) parts.push(`watermark ${count((Date.now() - watermark) / 1000)} s behind`);
  return parts.join(' · ');
}

function describeMessage({ severity, text, stage }: Extract<WorkerEvent, { type: 'message' }>): string {
  const from = stage ? `${stage}: ` : '';
  return severity === 'INFO' ? `${from}${text}` : `${severity.toLowerCase()}: ${from}${text}`;
}

const LISTED_OUTPUTS = 10;

/** The end of a run, for people. */
export function describeSummary(summary: JobSummary): string {
  const { jobId, state, seconds, elements, bytes, errors = {}, outputs } = summary;
  const rate = elements.read / Math.max(0.001, seconds);
  const lines = [`${bold(state)}  job ${jobId}, ${seconds.toFixed(1)} s, ${count(rate)} elements/s`];
  const reasons = Object.entries(errors).map(([code, times]) => `${code} ${count(times)}`);
  const rows: [string, number, string][] = [
    ['read', elements.read, size(bytes.read)],
    ['written', elements.written, size(bytes.written)],
    ['filtered', elements.filtered, ''],
    ['dead-lettered', elements.deadLettered, reasons.join(', ')],
  ];
  for (const [name, elementCount, note] of rows) {
    lines.push(`  ${name.padEnd(14)}${count(elementCount).padStart(12)}   ${note}`.trimEnd());
  }
  if (state === 'CANCELLED') lines.push('  what was written but not yet published was given up');
  if (outputs.length > 0) lines.push('  outputs');
  for (const output of outputs.slice(0, LISTED_OUTPUTS)) lines.push(`    ${output}`);
  if (outputs.length > LISTED_OUTPUTS) lines.push(`    … and ${count(outputs.length - LISTED_OUTPUTS)} more`);
  return `${lines.join('\n')}\n`;
}

/** On a terminal one line is kept up to date below what is printed; elsewhere only warnings and errors are. */
function statusLine() {
  const { stderr } = process;
  const live = stderr.isTTY === true;
  const clear = () => {
    if (live) stderr.write('\r\x1b[K');
  };
  return {
    clear,
    update(text: string) {
      if (live) stderr.write(`\r\x1b[K${text.slice(0, stderr.columns - 1)}`);
    },
    print(text: string, severity = 'INFO') {
      if (severity === 'DEBUG' || (!live && severity === 'INFO')) return;
      clear();
      stderr.write(`${text}\n`);
    },
  };
}

const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
