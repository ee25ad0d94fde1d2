/** How a job is told of while it runs and when it has ended, whoever runs it. */
import { styleText } from 'node:util';
import type { Totals } from '../engine/counters.ts';
import { type ErrorCode, SluiceError } from '../errors.ts';
import type { JobSummary } from '../jobs/job.ts';
import { failWith, printJson } from './output.ts';

const CANCELLED_STATUS = 130;
const REFUSED_STATUS = 2;
const DEFAULT_COLUMNS = 80;

/** A summary of whichever interface: the service has states more. */
type Summary = Omit<JobSummary, 'state'> & { state: string };

/**
 * On a terminal one line is kept up to date below what is printed; elsewhere only warnings and errors are printed.
 * @param tellsAll what is neither is printed there too
 */
export function statusLine(tellsAll = false) {
  const { stderr } = process;
  const live = stderr.isTTY === true;
  const clear = () => {
    if (live) stderr.write('\r\x1b[K');
  };
  return {
    clear,
    update(text: string) {
      if (live) stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns || DEFAULT_COLUMNS) - 1)}`);
    },
    print(text: string, severity = 'INFO') {
      if (severity === 'DEBUG' || (!live && !tellsAll && severity === 'INFO')) return;
      clear();
      stderr.write(`${text}\n`);
    },
  };
}

/** How far a job has come, in one line; `started` and the watermark are ms since the epoch. */
export function describeProgress(
  { elements }: Totals,
  watermark: number | undefined,
  started: number,
): string {
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

/** A message of a job, in one line. */
export function describeMessage({
  severity,
  text,
  stage,
}: {
  severity: string;
  text: string;
  stage?: string;
}) {
  const from = stage ? `${stage}: ` : '';
  return severity === 'INFO' ? `${from}${text}` : `${severity.toLowerCase()}: ${from}${text}`;
}

/** Prints what a job has come to, and sets the exit status: 0 done or drained, 1 failed, 2 refused, 130 cancelled. */
export function tellEnd(summary: Summary, json: boolean): void {
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

const LISTED_OUTPUTS = 10;

/** The end of a run, for people. */
export function describeSummary(summary: Summary): string {
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

export const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });

/** A count as people read it: 210,000. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Bytes as people read them: 13.7 MB. */
export function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
